"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const DAY = 86400000;
  const find = (selector, root = document) => root.querySelector(selector);

  const placeOf = (name, column) => data.sets[name].columns.indexOf(column);

  // What is scheduled as known on a day rests on the documents of what was announced by then.
  const onDay = new Map(
    data.sets.history.rows.map((row) => [
      row[placeOf("history", "as_of_day")],
      row[placeOf("history", "cite")],
    ]),
  );
  data.sets.schedule.columns.push("cite");
  for (const row of data.sets.schedule.rows)
    row.push(onDay.get(row[placeOf("schedule", "as_of_day")]));

  // Rows of a set as objects. A day is a number of milliseconds there: a chart counts in them.
  const asDay = (text) => Date.parse(`${text}T00:00:00Z`);
  const isDay = (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d$/.test(value);
  function readRows(name) {
    const set = data.sets[name];
    return set.rows.map((row) =>
      Object.fromEntries(
        set.columns.map((column, i) => [column, isDay(row[i]) ? asDay(row[i]) : row[i]]),
      ),
    );
  }
  const sets = Object.fromEntries(Object.keys(data.sets).map((name) => [name, readRows(name)]));
  const today = asDay(data.release.today);

  function show(value, digits = 3) {
    if (value === null || value === undefined) return "";
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (Array.isArray(value)) return value.join(", ");
    if (typeof value === "number")
      return value.toLocaleString("en", { maximumFractionDigits: digits });
    return String(value);
  }
  const showDay = (ms) =>
    new Date(ms).toLocaleDateString("en-GB", {
      day: "numeric",
      month: "long",
      year: "numeric",
      timeZone: "UTC",
    });
  const showMonth = (ms) =>
    new Date(ms).toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
  const fix = (value, digits = 1) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const gw = (value) => (value === null ? "not stated" : `${fix(value)} GW`);
  const range = (low, high, digits = 1) =>
    low === null || high === null || low === high
      ? ""
      : ` (${fix(low, digits)} to ${fix(high, digits)})`;
  const usd = (row) =>
    row.usd_bn === null
      ? "of unknown size"
      : `${show(row.usd_bn, 1)} billion dollars${range(row.usd_bn_low, row.usd_bn_high)}`;
  const monthEnd = (ms) => {
    const d = new Date(ms);
    return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 0);
  };
  const tell = (...lines) => lines.filter((line) => line !== "").join("\n");
  const countDocuments = (cite) => {
    const n = data.citations[cite].length;
    return `${show(n)} document${n === 1 ? "" : "s"}`;
  };

  function make(tag, text, attributes = {}) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  // Documents of a figure. Only addresses of http and https become links.
  const dialog = find("#sources");
  const isWeb = (url) => typeof url === "string" && /^https?:\/\//i.test(url);
  function openSources(cite, title, cell) {
    const documents = data.citations[cite].map((i) => data.documents[i]);
    const primary = documents.filter((one) => one.tier === "primary").length;
    find("h2", dialog).textContent = title;
    find(".count", dialog).textContent =
      `${countDocuments(cite)}, ${show(primary)} of them primary.`;
    const explain = find(".explain", dialog);
    explain.hidden = !cell;
    if (cell) find("code", explain).textContent = cell;
    const list = find("ol", dialog);
    list.replaceChildren(
      ...documents.map((one) => {
        const item = make("li");
        const name = isWeb(one.url)
          ? make("a", one.title, { href: one.url, rel: "noopener noreferrer", target: "_blank" })
          : make("span", one.title);
        const told = [
          one.publisher,
          one.published_on,
          one.tier,
          one.read === "not_read" ? "not read" : `read: ${one.read}`,
        ];
        if (!isWeb(one.url)) told.push(one.locator || "no address");
        const bdi = make("bdi");
        bdi.append(name);
        item.append(bdi, make("bdi", told.filter(Boolean).join(", "), { class: "told" }));
        return item;
      }),
    );
    dialog.showModal();
    list.scrollTop = 0;
  }
  find("button", dialog).addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cite]");
    if (button) openSources(Number(button.dataset.cite), button.dataset.title, button.dataset.cell);
  });

  // Tables and files.
  const shownColumns = (set) =>
    set.columns
      .map((name, i) => [name, i])
      .filter(([name]) => name !== "cite" && !name.startsWith("draw_"));
  const head = (name) =>
    name
      .replace(/_/g, " ")
      .replace(/\bgw\b/g, "GW")
      .replace(/\busd bn\b/g, "USD bn")
      .replace(/^is |^has /, "");

  // Begun like this, a spreadsheet takes a text for a formula.
  const formula = new RegExp(data.formula, "gu");
  const disarm = (text) => text.replace(formula, "$1'$2");
  const quote = (text) => (/[",;\r\n\t]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  function asField(value) {
    if (value === null || value === undefined) return "";
    if (typeof value === "number" || typeof value === "boolean") return String(value);
    return quote(disarm(Array.isArray(value) ? value.join(" ") : String(value)));
  }
  function writeCsv(name, rows) {
    const set = data.sets[name];
    const columns = shownColumns(set);
    const cite = placeOf(name, "cite");
    const lines = [[...columns.map(([column]) => column), "documents"].map(asField).join(",")];
    for (const row of rows) {
      const urls =
        cite < 0 ? [] : data.citations[row[cite]].map((i) => data.documents[i].url).filter(isWeb);
      lines.push([...columns.map(([, i]) => asField(row[i])), asField(urls)].join(","));
    }
    return `\ufeff${lines.join("\r\n")}\r\n`;
  }
  function download(name, rows) {
    const url = URL.createObjectURL(
      new Blob([writeCsv(name, rows)], { type: "text/csv;charset=utf-8" }),
    );
    make("a", "", {
      href: url,
      download: `gigaledger-${name}-${data.release.release_id}.csv`,
    }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }
  function writeTable(name, rows) {
    const set = data.sets[name];
    const columns = shownColumns(set);
    const cite = placeOf(name, "cite");
    const table = make("table");
    const isNumber = columns.map(([, i]) => rows.some((row) => typeof row[i] === "number"));
    const top = make("tr");
    columns.forEach(([column], k) =>
      top.append(make("th", head(column), { scope: "col", class: isNumber[k] ? "number" : "" })),
    );
    if (cite >= 0) top.append(make("th", "documents", { scope: "col" }));
    const thead = make("thead");
    thead.append(top);
    const body = make("tbody");
    for (const row of rows) {
      const line = make("tr");
      columns.forEach(([, i], k) => {
        const cell = make("td", undefined, {
          class: isNumber[k]
            ? "number"
            : isDay(row[i])
              ? "day"
              : show(row[i]).length > 40
                ? "long"
                : "",
        });
        cell.append(make("bdi", show(row[i])));
        line.append(cell);
      });
      if (cite >= 0) {
        const cell = make("td");
        cell.append(
          make("button", show(data.citations[row[cite]].length), {
            type: "button",
            class: "cite",
            "data-cite": row[cite],
            "data-title": `Documents of ${show(row[columns[0][1]])}`,
            "aria-label": countDocuments(row[cite]),
          }),
        );
        line.append(cell);
      }
      body.append(line);
    }
    table.append(make("caption", `${show(rows.length)} rows`), thead, body);
    return table;
  }
  const kept = {};
  for (const tools of document.querySelectorAll("[data-set]")) {
    const name = tools.dataset.set;
    const rows = () =>
      kept[name] ? data.sets[name].rows.filter(kept[name]) : data.sets[name].rows;
    const details = make("details");
    const holder = make("div", undefined, {
      class: "scroll",
      tabindex: "0",
      role: "region",
      "aria-label": `Table: ${tools.dataset.title}`,
    });
    details.append(make("summary", `Table: ${tools.dataset.title}`), holder);
    const fill = () => {
      if (details.open) holder.replaceChildren(writeTable(name, rows()));
    };
    details.addEventListener("toggle", fill);
    tools.refill = fill;
    const button = make("button", "CSV", {
      type: "button",
      class: "download",
      "aria-label": `Download as CSV: ${tools.dataset.title}`,
    });
    button.addEventListener("click", () => download(name, data.sets[name].rows));
    tools.append(details, button);
    if (tools.dataset.open !== undefined) details.open = true;
  }

  // Charts.
  const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
  const config = {
    background: null,
    font: FONT,
    text: { fill: "var(--ink)", fontSize: 12, font: FONT },
    view: { stroke: null },
    axis: {
      labelColor: "var(--muted)",
      titleColor: "var(--muted)",
      domainColor: "var(--rule)",
      tickColor: "var(--rule)",
      gridColor: "var(--grid)",
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: "normal",
    },
    axisX: { grid: false, labelPadding: 4 },
    axisY: {
      domain: false,
      ticks: false,
      titleAngle: 0,
      titleAlign: "left",
      titleAnchor: "end",
      titleX: 0,
      titleY: -10,
      titleBaseline: "bottom",
    },
    line: { strokeWidth: 1.75, strokeCap: "butt", strokeJoin: "round" },
  };
  const views = {};
  const setParams = (chart, values) => {
    charts[chart].params = Object.entries(values).map(([name, value]) => ({ name, value }));
  };
  async function draw(name, datasets) {
    const holder = find(`[data-chart="${name}"]`);
    if (!holder) return null;
    if (views[name]) views[name].finalize();
    const spec = structuredClone(charts[name]);
    const section = holder.closest("section");
    const lead = find(".lead", section).textContent.replace(/\s+/g, " ").trim();
    spec.description = `${find("h2", section).textContent}. ${lead}`;
    if (spec.$schema.includes("vega-lite")) {
      Object.assign(spec, { datasets, width: "container" });
    } else {
      spec.width = holder.clientWidth;
      for (const one of spec.data) if (datasets[one.name]) one.values = datasets[one.name];
    }
    // `ast` has Vega's own interpreter evaluate expressions: the page's policy forbids eval.
    const result = await window.vegaEmbed(holder, spec, {
      ast: true,
      renderer: "svg",
      actions: false,
      config,
      defaultStyle: false,
      tooltip: {
        disableDefaultStyle: true,
        sanitize: (value) => String(value).replace(/&/g, "&amp;").replace(/</g, "&lt;"),
      },
    });
    result.view.addEventListener("click", (event, item) => {
      const row = item && item.datum;
      if (row && row.cite !== undefined) openSources(row.cite, row.title);
    });
    views[name] = result;
    return result.view;
  }

  function drawHistory() {
    const history = sets.history;
    for (const row of history) {
      row.title = `As known on ${showDay(row.as_of_day)}`;
      row.tip = tell(
        row.title,
        `announced, net: ${gw(row.net_gw)}${range(row.net_gw_low, row.net_gw_high)}`,
        `firm: ${gw(row.firm_gw)}`,
        `scheduled by then: ${gw(row.scheduled_gw)}`,
        `said to run: ${gw(row.online_gw)}`,
        countDocuments(row.cite),
      );
    }
    const schedule = sets.schedule.map((row) => ({ ...row, month_end: monthEnd(row.month) }));
    const slider = find("#asof");
    slider.max = history.length - 1;
    slider.value = slider.max;
    const choose = (view) => {
      const row = history[slider.value];
      const day = new Date(row.as_of_day).toISOString().slice(0, 10);
      const ahead = schedule.filter((one) => one.as_of_day === row.as_of_day);
      const year = new Date(row.as_of_day).getUTCFullYear() + 1;
      const then = ahead.find((one) => one.month === Date.UTC(year, 11, 1));
      slider.setAttribute("aria-valuetext", showDay(row.as_of_day));
      find("#asof-day").textContent = showDay(row.as_of_day);
      find("#asof-net").textContent = gw(row.net_gw) + range(row.net_gw_low, row.net_gw_high);
      find("#asof-firm").textContent = gw(row.firm_gw);
      const bounds = then ? range(then.scheduled_gw_low, then.scheduled_gw_high) : "";
      find("#asof-scheduled").textContent = then
        ? `${gw(then.scheduled_gw_base)}${bounds} by the end of ${year}`
        : "not stated";
      find("#asof-online").textContent = gw(row.online_gw);
      const button = find("#asof-cite");
      button.textContent = countDocuments(row.cite);
      button.dataset.cite = row.cite;
      button.dataset.title = row.title;
      kept.schedule = (one) => one[placeOf("schedule", "as_of_day")] === day;
      find('[data-set="schedule"]').refill();
      if (view) view.signal("asof", row.as_of_day).run();
    };
    choose(null);
    const highest = [
      ...history.map((row) => row.net_gw_high),
      ...schedule.map((row) => row.scheduled_gw_high),
    ];
    setParams("history", {
      asof: history[history.length - 1].as_of_day,
      first: history[0].as_of_day,
      last: Math.max(today, ...schedule.map((row) => row.month_end)),
      most: 1.05 * Math.max(0.001, ...highest),
    });
    return draw("history", { history, schedule }).then((view) => {
      choose(view);
      slider.addEventListener("input", () => choose(views.history.view));
    });
  }

  const STEPS = {
    gross: () => "Gross",
    net: () => "Net",
    firm: () => "Firm alone, net",
    online: () => "Said to run, net",
    part_of: (layer) => `In another (${layer})`,
    overlap: (layer) => `Shared (${layer})`,
    layer: (layer) => `Again as ${layer}`,
  };
  function fillSelect(select, options) {
    select.replaceChildren(...options.map(([value, text]) => make("option", text, { value })));
  }
  function drawEliminations() {
    const rows = sets.eliminations;
    for (const row of rows) {
      row.label = STEPS[row.what](row.layer);
      row.shown =
        row.gw === null
          ? ""
          : `${gw(row.gw)}${range(row.gw_low, row.gw_high)}`.replace("-", "\u2212");
      row.draw_text = Math.max(row.draw_from, row.draw_to, row.gw_high ?? 0);
      row.title = `${row.customer}: ${row.label.toLowerCase()}`;
      row.tip = tell(row.title, row.shown, countDocuments(row.cite));
    }
    const select = find("#customer");
    fillSelect(select, [...new Map(rows.map((row) => [row.customer_id, row.customer]))]);
    const redraw = () => {
      const shown = rows.filter((row) => row.customer_id === select.value && row.gw !== null);
      // Room right of each bar for its figure, and left of all for their names.
      const plot = find('[data-chart="eliminations"]').clientWidth - 125;
      charts.eliminations.layer[0].encoding.x.scale.domainMax = Math.max(
        ...shown.map(
          (row) => (row.draw_text * plot) / Math.max(plot - 16 - 6.7 * row.shown.length, plot / 6),
        ),
      );
      charts.eliminations.height = 34 * shown.length;
      setParams("eliminations", { customer: select.value });
      return draw("eliminations", { eliminations: rows });
    };
    select.addEventListener("change", redraw);
    redrawn.push(redraw);
    return redraw();
  }

  function drawFlows() {
    const flows = sets.flows.map((row) => ({ ...row }));
    for (const row of flows) {
      row.title = `${row.payer} pays ${row.payee}`;
      const marks = [row.flow_kinds.join(", ")];
      if (!row.is_cash) marks.push("not cash");
      if (row.is_conditional) marks.push("conditional");
      row.tip = tell(
        row.title,
        usd(row),
        marks.join(", "),
        row.loop_count ? `in ${show(row.loop_count)} loops` : "in no loop",
        countDocuments(row.cite),
      );
    }
    const legs = flows.filter((row) => row.draw_payer !== null).length;
    charts.flows.height = Math.min(700, 120 + 26 * legs);
    const loops = sets.loops;
    const select = find("#loop");
    if (select)
      fillSelect(select, [
        ["", "all of them"],
        ...loops.filter((row) => row.place <= 12).map((row) => [row.place, row.loop]),
      ]);
    const choose = () => {
      const loop = loops.find((row) => String(row.place) === select.value);
      const told = [];
      if (loop) {
        const usd_bn = loop.bottleneck_usd_bn;
        const size = usd_bn === null ? "unknown" : `${fix(usd_bn)} billion dollars`;
        const unknown = loop.unvalued_leg_count;
        told.push(`smallest known leg: ${size}`);
        if (unknown) told.push(`${show(unknown)} leg${unknown === 1 ? "" : "s"} of unknown size`);
        if (loop.has_conditional_leg) told.push("a leg is conditional");
        if (loop.has_noncash_leg) told.push("a leg is not cash");
      }
      find("#loop-told").textContent = told.join("; ");
      views.flows.view.signal("loop", loop ? loop.draw_legs : null).run();
    };
    return draw("flows", { flows }).then(() => select && select.addEventListener("change", choose));
  }

  const LEVELS = {
    provider_total: "providers, all that they serve",
    provider_part: "providers, a part of it",
    router: "routers",
    customer: "customers",
    country: "countries",
    world_estimate: "estimates for the world",
  };
  // A name near the last statement of a series, the longest series first, where it covers nothing.
  const PLACES = [
    [true, 0],
    [false, 0],
    [true, -13],
    [false, -13],
    [true, 13],
    [false, 13],
  ];
  function placeLabels(rows, domains, width, height) {
    const size = (row) => rows.filter((one) => one.draw_series === row.draw_series).length;
    const scopes = (row) =>
      new Set(
        rows.filter((one) => one.organization === row.organization).map((one) => one.draw_series),
      ).size;
    const place = (row) => ({
      x: ((row.draw_on - domains.x[0]) / (domains.x[1] - domains.x[0])) * width,
      y:
        height -
        (Math.log(row.trillion_a_month / domains.y[0]) / Math.log(domains.y[1] / domains.y[0])) *
          height,
    });
    const boxes = rows
      .map(place)
      .map(({ x, y }) => ({ x0: x - 4, x1: x + 4, y0: y - 4, y1: y + 4 }));
    for (const row of rows) row.label = null;
    const isSaid = (row) => row.basis === "stated" || row.basis === "measured";
    const last = rows
      .filter((row) => row.draw_last)
      .sort(
        (a, b) =>
          isSaid(b) - isSaid(a) || size(b) - size(a) || b.trillion_a_month - a.trillion_a_month,
      );
    for (const row of last) {
      const name = row.organization.replace(/ \([^)]*\)$/, "");
      const text = scopes(row) > 1 ? `${name}, ${row.scope}` : name;
      const wide = Math.min(width < 480 ? 130 : 240, text.length * 6.5);
      const { x, y } = place(row);
      for (const [isLeft, dy] of PLACES) {
        const box = {
          x0: isLeft ? x - 8 - wide : x + 6,
          x1: isLeft ? x - 6 : x + 8 + wide,
          y0: y + dy - 7,
          y1: y + dy + 7,
        };
        const isFree =
          box.x0 > 0 &&
          box.x1 < width &&
          box.y0 > 0 &&
          box.y1 < height &&
          boxes.every(
            (one) => one.x1 < box.x0 || one.x0 > box.x1 || one.y1 < box.y0 || one.y0 > box.y1,
          );
        if (!isFree) continue;
        boxes.push(box);
        Object.assign(row, { label: text, label_left: isLeft, label_dy: dy });
        break;
      }
    }
  }
  function drawTokens() {
    const tokens = sets.tokens;
    const token_growth = sets.token_growth;
    for (const row of tokens) {
      row.title = `${row.organization}, ${row.scope}`;
      const until = row.period_end > row.period_start ? ` to ${showDay(row.period_end)}` : "";
      const bounds = range(row.trillion_a_month_low, row.trillion_a_month_high, 2);
      row.tip = tell(
        `${row.title} (${row.measure}, ${row.basis})`,
        `${showDay(row.period_start)}${until}`,
        `${show(row.trillion_a_month)} trillion a month${bounds}`,
        countDocuments(row.cite),
      );
    }
    for (const row of token_growth) {
      row.title = `${row.organization}, ${row.scope}`;
      const bounds = range(row.yearly_growth_factor_low, row.yearly_growth_factor_high);
      const factor = row.yearly_growth_factor;
      row.tip = tell(
        row.title,
        `${showDay(row.from_on)} to ${showDay(row.to_on)}`,
        factor === null ? "no growth is computed" : `times ${show(factor, 1)} a year${bounds}`,
        row.is_short_span ? "carried to a year from a short span" : "",
        countDocuments(row.cite),
      );
    }
    const select = find("#level");
    const found = new Set(tokens.map((row) => row.level));
    fillSelect(
      select,
      Object.entries(LEVELS).filter(([level]) => found.has(level)),
    );
    const redraw = () => {
      const shown = tokens.filter((row) => row.level === select.value);
      const days = shown.map((row) => row.draw_on);
      const volumes = shown.flatMap((row) =>
        [row.trillion_a_month, row.trillion_a_month_low, row.trillion_a_month_high].filter(
          (one) => one > 0,
        ),
      );
      const margin = Math.max(30 * DAY, (Math.max(...days) - Math.min(...days)) / 30);
      const domains = {
        x: [Math.min(...days) - margin, Math.max(...days) + margin],
        y: [Math.min(...volumes) / 1.6, Math.max(...volumes) * 1.6],
      };
      placeLabels(
        shown,
        domains,
        find('[data-chart="tokens"]').clientWidth - 50,
        charts.tokens.height,
      );
      const decades = Array.from({ length: 40 }, (_, i) => 10 ** (i - 20)).filter(
        (one) => one >= domains.y[0] && one <= domains.y[1],
      );
      if (decades.length > 1) charts.tokens.encoding.y.axis.values = decades;
      else delete charts.tokens.encoding.y.axis.values;
      setParams("tokens", {
        level: select.value,
        first: domains.x[0],
        last: domains.x[1],
        least: domains.y[0],
        most: domains.y[1],
      });
      return draw("tokens", { tokens: shown, token_growth });
    };
    select.addEventListener("change", redraw);
    redrawn.push(redraw);
    return redraw();
  }

  function drawDemand() {
    const demand = sets.demand.map((row) => ({
      ...row,
      month_end: Math.min(monthEnd(row.month), today),
    }));
    for (const row of demand) {
      row.title = showMonth(row.month);
      const bounds = range(row.required_gw_low, row.required_gw_high, 2);
      const carried = row.carried_share;
      row.tip = tell(
        row.title,
        `needed: ${row.required_gw === null ? "not stated" : fix(row.required_gw, 2) + " GW" + bounds}`,
        `announced: ${gw(row.announced_gw)}`,
        `firm: ${gw(row.firm_gw)}`,
        `scheduled: ${gw(row.scheduled_gw)}`,
        `said to run: ${gw(row.online_gw)}`,
        carried === null ? "" : `${show(100 * carried, 0)} % of the tokens are of an earlier month`,
        countDocuments(row.cite),
      );
    }
    const shown = demand.filter((row) => row.announced_gw > 0);
    const figures = shown
      .flatMap((row) => [
        row.required_gw_low,
        row.required_gw_high,
        row.announced_gw,
        row.firm_gw,
        row.scheduled_gw,
        row.online_gw,
      ])
      .filter((one) => one > 0);
    if (!shown.length) {
      find('[data-chart="demand"]').textContent = "No capacity was announced in these months.";
      return null;
    }
    setParams("demand", {
      first: shown[0].month_end,
      last: shown[shown.length - 1].month_end,
      least: 10 ** Math.floor(Math.log10(Math.min(...figures))),
      most: 10 ** Math.ceil(Math.log10(Math.max(...figures) * 1.01)),
    });
    return draw("demand", { demand: shown });
  }

  function drawSlips() {
    const slips = sets.slips.map((row) => ({ ...row }));
    const first = Math.min(...slips.map((row) => row.first_promised));
    for (const row of slips) {
      row.draw_until = row.is_overdue ? today : row.latest_promised;
      row.title = `${row.deal}, phase ${row.phase}`;
      row.moved = row.is_overdue
        ? "overdue"
        : `${show(Math.abs(row.slip_days))} days ${row.slip_days > 0 ? "later" : "earlier"}`;
      row.label = `${row.moved}: ${row.deal}${row.phase > 1 ? `, phase ${row.phase}` : ""}`;
      row.label_on = first;
      row.tip = tell(
        row.title,
        `first promised to start: ${showDay(row.first_promised)}`,
        row.is_overdue
          ? "its promised time is past, and it is not said to run"
          : `latest promised: ${showDay(row.latest_promised)}, ${row.moved}`,
        countDocuments(row.cite),
      );
    }
    charts.slips.height = 40 * slips.length;
    return draw("slips", { slips, day: [{ today }] });
  }

  const redrawn = [];
  const parts = {
    history: drawHistory,
    eliminations: drawEliminations,
    flows: drawFlows,
    tokens: drawTokens,
    demand: drawDemand,
    slips: drawSlips,
  };
  const drawn = Object.entries(parts)
    .filter(([name]) => find(`[data-chart="${name}"]`))
    .map(([, part]) => part());
  Promise.all(drawn).then(() => document.documentElement.setAttribute("data-ready", ""));

  let width = window.innerWidth;
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (window.innerWidth === width) return;
      width = window.innerWidth;
      if (views.flows) views.flows.view.width(find('[data-chart="flows"]').clientWidth).run();
      redrawn.forEach((redraw) => redraw());
    }, 200);
  });
})();
