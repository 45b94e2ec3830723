"""The report: its numbers are the marts', its links the documents', and it asks nobody for anything."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from duckdb import DuckDBPyConnection

from orchestration.release import ReleaseError
from orchestration.report import page as report
from orchestration.report.page import load_scripts, show_number, write_report
from tests.browser import NAMES, find_chromium, open_browser
from tests.warehouse.harness import PROJECT, Ledger, Warehouse

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TODAY = dt.date(2026, 11, 25)
_WIDTHS = {"desktop": (1280, 800), "phone": (390, 844)}
_KEYS = {
    "marts.capacity_by_customer": ("customer_id", "layer"),
    "marts.demand_vs_supply": ("month", "scenario"),
    "marts.spend_by_customer": ("customer_id",),
}
# What each set of the page shows, asked of the marts in another way.
_MARTS = {
    "history": """
        select month_end as as_of_day, gross_gw_base as gross_gw, net_gw_low, net_gw_base as net_gw,
            net_gw_high, firm_gw_base as firm_gw, online_gw_base as online_gw, deal_count
        from marts.commitments_history where customer_id = 'all'
        union all
        select date '2026-11-25', gross_gw_base, total_gw_low, total_gw_base, total_gw_high,
            firm_gw_base, online_gw_base, deal_count
        from capacity_as_of(date '2026-11-25') where customer_id = 'all' and layer = 'net'
        order by as_of_day
        """,
    "loops": """
        select loop_id, length, bottleneck_usd / 1e9 as bottleneck_usd_bn, unvalued_leg_count,
            has_conditional_leg, has_noncash_leg
        from marts.capital_loops where length in (2, 3)
        order by case when unvalued_leg_count > 0 then 1 else 0 end, bottleneck_usd desc nulls last,
            loop_id
        """,
    "tokens": """
        select scope, measure, level, basis, known_on, period_start, period_end,
            tokens_per_month_low / 1e12 as trillion_a_month_low,
            tokens_per_month_base / 1e12 as trillion_a_month,
            tokens_per_month_high / 1e12 as trillion_a_month_high
        from core.fct_token_volume inner join core.dim_organization using (org_id)
        where tokens_per_month_base > 0
        order by level, name, scope, measure, period_start, observation_id
        """,
    "token_growth": """
        select scope, measure, level, from_on, to_on,
            from_tokens_per_month / 1e12 as from_trillion_a_month,
            to_tokens_per_month / 1e12 as to_trillion_a_month, yearly_growth_factor, doubling_days,
            is_short_span
        from marts.token_growth inner join core.dim_organization using (org_id)
        order by level, name, scope, measure, from_on, from_observation_id
        """,
    "demand": """
        select base.month, base.tokens_per_month / 1e12 as trillion_tokens, base.carried_share,
            low.required_gw_hindsight as required_gw_low,
            base.required_gw_hindsight as required_gw,
            high.required_gw_hindsight as required_gw_high,
            base.announced_gw, base.firm_gw, base.scheduled_gw, base.online_gw
        from marts.demand_vs_supply as base
        inner join marts.demand_vs_supply as low on low.month = base.month and low.scenario = 'low'
        inner join marts.demand_vs_supply as high
            on high.month = base.month and high.scenario = 'high'
        where base.scenario = 'base' and base.month <= date '2026-11-25'
        order by base.month
        """,
    "slips": """
        select deal_id, phase_seq as phase, first_promised, latest_promised, slip_days, is_overdue,
            times_promised
        from marts.phase_slips where slip_days <> 0 or is_overdue
        order by is_overdue, slip_days desc, first_promised, deal_id, phase_seq
        """,
    "claims": """
        select title as claim, said_on, replace(verdict, '_', ' ') as verdict, note
        from marts.claim_check order by said_on, claim_id
        """,
}
_HOSTILE = [
    "<script>window.hit = 1</script>",
    "</script></title></style><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg/onload=window.hit=1>",
    "{{ 7 * 7 }} ${7*7} <!-- ]]> -->",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "\u202egnp.exe\u2028",
]
_HOSTILE_ADDRESSES = [
    "javascript:window.hit=1",
    "data:text/html,<script>window.hit=1</script>",
    "https://example.org/\"'><script>window.hit=1</script>",
    "https://example.org/plain",
]


@pytest.fixture(scope="module")
def connection(published_warehouse: Warehouse) -> DuckDBPyConnection:
    return published_warehouse.connection


@pytest.fixture(scope="module")
def scripts() -> str:
    return load_scripts()


@pytest.fixture(scope="module")
def write(scripts: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def run(connection: DuckDBPyConnection) -> Path:
        return write_report(connection, tmp_path_factory.mktemp("report"), scripts)

    return run


@pytest.fixture(scope="module")
def page(connection: DuckDBPyConnection, write: Callable[..., Path]) -> Path:
    """The report of the real ledger."""
    return write(connection)


@pytest.fixture(scope="module")
def content(page: Path) -> dict[str, Any]:
    return _read_content(page)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    pytest.importorskip("playwright.sync_api")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(f"none of {', '.join(NAMES)} is on this machine: apt-get install chromium")
    with open_browser(chromium) as opened:
        yield opened


@pytest.fixture
def opened(page: Path, browser: Browser) -> Iterator[Page]:
    """The report of the real ledger at the width of a desktop."""
    shown = _open(browser, page)
    yield shown
    shown.close()


def _read_content(page: Path) -> dict[str, Any]:
    found = re.search(r'id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def _rows(content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    columns = content["sets"][name]["columns"]
    return [dict(zip(columns, row, strict=True)) for row in content["sets"][name]["rows"]]


def _ask(connection: DuckDBPyConnection, query: str, *arguments: Any) -> list[dict[str, Any]]:
    answer = connection.execute(query, arguments)
    names = [column[0] for column in answer.description]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in answer.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool | str | list) or value is None:
        return value
    return pytest.approx(float(value), rel=1e-12)


def _open(browser: Browser, page: Path, *, size: str = "desktop", scheme: str = "light") -> Page:
    width, height = _WIDTHS[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, offline=True
    )
    opened = context.new_page()
    opened.asked, opened.told = [], []  # type: ignore[attr-defined]
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda message: opened.told.append(message.text))
    opened.on("pageerror", lambda error: opened.told.append(str(error)))
    opened.goto(page.as_uri())
    opened.wait_for_selector("html[data-ready]")
    return opened


def _open_tables(opened: Page) -> int:
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    opened.wait_for_function("!document.querySelector('.scroll:empty')")
    return opened.locator("table").count()


def _gw(value: float | None) -> str:
    return "not stated" if value is None else f"{show_number(value)} GW"


def test_every_figure_of_the_first_screen_is_the_marts(
    connection: DuckDBPyConnection, page: Path
) -> None:
    text = page.read_text("utf-8")
    content = report.read_content(connection)
    figures = _rows(content, "overview")
    assert len(figures) == 16
    names = ("title", "publisher", "url", "locator")
    described = {
        row["source_id"]: tuple(row[name] for name in names)
        for row in _ask(connection, "select * from core.dim_source")
    }
    for figure in figures:
        table, column = figure["table_name"], figure["column_name"]
        if figure["row_key"] is None:
            continue
        key = dict(zip(_KEYS[table], figure["row_key"].split(","), strict=True))
        where = " and ".join(f"cast({name} as varchar) = ?" for name in key)
        (row,) = _ask(connection, f"select * from {table} where {where}", *key.values())
        assert row[column] == figure["base"]
        for bound in ("low", "high"):
            other = column.removesuffix("_base") + f"_{bound}"
            if figure[bound] is not None and other in row:
                assert row[other] == figure[bound]
        if figure["figure"] != "required_gw":
            cited = content["citations"][figure["cite"]]
            assert {described[source_id] for source_id in row["source_ids"]} == {
                tuple(content["documents"][place][name] for name in names) for place in cited
            }
    for figure in figures[:4]:
        assert f"{show_number(figure['base'])} <small>GW</small>" in text
    counted = _ask(
        connection,
        "select sum(case when slip_days > 0 then 1 else 0 end) as slipped,"
        " sum(case when is_overdue then 1 else 0 end) as overdue,"
        " (select count(*) from marts.capital_loops where length < 4) as loops"
        " from marts.phase_slips",
    )
    shown = {figure["figure"]: figure["base"] for figure in figures}
    assert counted == [{name: shown[name] for name in ("slipped", "overdue", "loops")}]


@pytest.mark.parametrize("name", _MARTS)
def test_every_row_of_a_chart_is_the_marts(
    connection: DuckDBPyConnection, content: dict[str, Any], name: str
) -> None:
    expected = _ask(connection, _MARTS[name])
    shown = _rows(content, name)
    assert len(expected) > 5
    assert [{column: row[column] for column in expected[0]} for row in shown] == expected


def test_the_schedule_is_the_marts_on_every_day_that_they_share(
    connection: DuckDBPyConnection, content: dict[str, Any]
) -> None:
    known = {
        (row["as_of_day"], row["month"]): row["scheduled_gw_base"]
        for row in _rows(content, "schedule")
    }
    shared = [
        (str(min(month_end, TODAY)), str(month), float(gw))
        for month, month_end, gw in connection.execute(
            "select month, last_day(month), scheduled_gw from marts.demand_vs_supply"
            " where scenario = 'base'"
        ).fetchall()
    ]
    assert len(shared) > 40
    for as_of_day, month, gw in shared:
        assert known[as_of_day, month] == gw
    for row in _rows(content, "history"):
        month = row["as_of_day"][:8] + "01"
        if row["scheduled_gw"] is not None:
            assert known[row["as_of_day"], month] == row["scheduled_gw"]


def test_what_is_taken_off_leads_from_gross_to_net(
    connection: DuckDBPyConnection, content: dict[str, Any]
) -> None:
    rows = _rows(content, "eliminations")
    for customer_id in {row["customer_id"] for row in rows}:
        steps = [row for row in rows if row["customer_id"] == customer_id]
        (mart,) = _ask(
            connection,
            "select gross_gw_base, total_gw_base, firm_gw_base, online_gw_base"
            " from marts.capacity_by_customer where customer_id = ? and layer = 'net'",
            customer_id,
        )
        by_what = {row["what"]: row["gw"] for row in steps}
        assert by_what["gross"] == mart["gross_gw_base"]
        assert by_what["net"] == mart["total_gw_base"]
        assert by_what["firm"] == mart["firm_gw_base"]
        assert by_what["online"] == mart["online_gw_base"]
        off = [row for row in steps if row["what"] in ("part_of", "overlap", "layer")]
        taken = _ask(
            connection,
            "select reason as what, layer, -sum(eliminated_gw_base) as gw"
            " from marts.capacity_eliminations where customer_id = ? group by reason, layer",
            customer_id,
        )
        assert len(off) == len(taken)
        assert all({name: row[name] for name in ("what", "layer", "gw")} in taken for row in off)
        assert off[-1]["draw_to"] == pytest.approx(by_what["net"], abs=1e-9)


def test_a_flow_has_the_size_of_the_leg_of_its_loops(
    connection: DuckDBPyConnection, content: dict[str, Any]
) -> None:
    flows = {row["draw_leg"]: row for row in _rows(content, "flows")}
    legs = _ask(
        connection,
        "select payer_id || ' ' || payee_id as leg, max(usd_base) / 1e9 as usd_bn,"
        " count(*) as loops, bool_and(is_conditional) as is_conditional"
        " from marts.capital_loop_legs group by 1",
    )
    assert len(legs) > 50
    for leg in legs:
        flow = flows[leg["leg"]]
        assert flow["usd_bn"] == leg["usd_bn"], leg
        assert flow["loop_count"] == leg["loops"]
        assert flow["is_conditional"] == leg["is_conditional"]
    drawn = [row for row in flows.values() if row["draw_payer"] is not None]
    assert {row["draw_leg"] for row in list(flows.values())[:20]} <= {
        row["draw_leg"] for row in drawn
    }
    for loop in _rows(content, "loops")[:12]:
        assert all(flows[leg]["draw_payer"] is not None for leg in loop["draw_legs"])


def test_the_exposure_names_what_the_queries_read() -> None:
    text = "\n".join(path.read_text("utf-8") for path in report.QUERIES.values())
    read = set(re.findall(r"\b(?:core|marts)\.(\w+)", text)) | {"dim_source"}
    file = PROJECT / "models" / "marts" / "_report__exposures.yml"
    (exposure,) = yaml.safe_load(file.read_text("utf-8"))["exposures"]
    assert exposure["depends_on"] == [f"ref('{name}')" for name in sorted(read)]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.names |= {name for name, _ in attrs}


def test_the_file_names_no_other_file(page: Path) -> None:
    reader = _Reader()
    reader.feed(page.read_text("utf-8"))
    assert not {"link", "img", "iframe", "object", "base", "form", "a"} & set(reader.tags)
    assert not {"src", "href", "style", "srcset"} & reader.names
    assert not [name for name in reader.names if name.startswith("on")]
    assert page.stat().st_size < 3_000_000


def test_every_address_is_one_of_a_document(
    connection: DuckDBPyConnection, content: dict[str, Any], opened: Page
) -> None:
    known = {url for (url,) in connection.execute("select url from core.dim_source").fetchall()}
    assert {document["url"] for document in content["documents"]} <= known
    for place in range(0, len(content["citations"]), 40):
        opened.evaluate(
            "cite => { const b = document.createElement('button'); b.dataset.cite = cite;"
            " document.body.append(b); b.click(); b.remove(); }",
            place,
        )
        links = opened.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
        cited = [content["documents"][i]["url"] for i in content["citations"][place]]
        assert links == [url for url in cited if url]
        opened.keyboard.press("Escape")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", _WIDTHS)
def test_the_page_is_quiet_and_fits(page: Path, browser: Browser, size: str, scheme: str) -> None:
    opened = _open(browser, page, size=size, scheme=scheme)
    assert _open_tables(opened) == 10
    opened.select_option("#customer", "openai")
    opened.select_option("#loop", index=1)
    opened.select_option("#level", "router")
    opened.locator("#asof").evaluate("e => { e.value = 3; e.dispatchEvent(new Event('input')); }")
    assert opened.evaluate("document.documentElement.scrollWidth") == _WIDTHS[size][0]
    assert opened.locator("[data-chart][aria-label]").count() == 6
    assert opened.locator("[data-chart] [aria-label*=null]").count() == 0
    assert opened.asked == [page.as_uri()]  # type: ignore[attr-defined]
    assert opened.told == []  # type: ignore[attr-defined]
    paper = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(253, 253, 251)", "dark": "rgb(21, 23, 26)"}[scheme]
    opened.close()


def test_the_slider_shows_each_day_as_known_then(content: dict[str, Any], opened: Page) -> None:
    history = _rows(content, "history")
    schedule = _rows(content, "schedule")
    rules = set()
    for place in (0, 20, 26, len(history) - 1):
        row = history[place]
        opened.locator("#asof").evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); }", place
        )
        assert opened.inner_text("#asof-net").startswith(_gw(row["net_gw"]))
        assert opened.inner_text("#asof-firm") == _gw(row["firm_gw"])
        assert opened.inner_text("#asof-online") == _gw(row["online_gw"])
        month = f"{int(row['as_of_day'][:4]) + 1}-12-01"
        (then,) = [
            one["scheduled_gw_base"]
            for one in schedule
            if one["as_of_day"] == row["as_of_day"] and one["month"] == month
        ]
        assert opened.inner_text("#asof-scheduled").startswith(_gw(then))
        rules.add(opened.locator("[data-chart=history] svg").inner_html())
    assert len(rules) == 4


def test_what_is_drawn_is_what_the_rows_say(content: dict[str, Any], opened: Page) -> None:
    for customer in ("all", "openai"):
        opened.select_option("#customer", customer)
        shown = opened.locator("[data-chart=eliminations] svg")
        shown.wait_for()
        opened.wait_for_function("document.querySelectorAll('[data-chart=eliminations] svg').length == 1")
        steps = [row for row in _rows(content, "eliminations") if row["customer_id"] == customer]
        texts = shown.locator("text").all_text_contents()
        for row in steps:
            if row["gw"] is not None:
                assert any(text.startswith(_gw(row["gw"]).replace("-", "\u2212")) for text in texts)
    drawn = [row for row in _rows(content, "flows") if row["draw_payer"] is not None]
    ribbons = opened.locator("[data-chart=flows] path[aria-label*=' pays ']")
    assert ribbons.count() == len(drawn)
    red = opened.locator("[data-chart=flows] path[stroke='var(--loop)']")
    assert red.count() == sum(row["loop_count"] > 0 for row in drawn)
    loop = _rows(content, "loops")[1]
    opened.select_option("#loop", str(loop["place"]))
    assert red.count() == loop["length"]
    level = [row for row in _rows(content, "tokens") if row["level"] == "provider_total"]
    points = opened.locator("[data-chart=tokens] path[aria-label*=' a month']")
    assert points.count() == len(level)
    slips = _rows(content, "slips")
    texts = opened.locator("[data-chart=slips] text").all_text_contents()
    assert sum(text.startswith("overdue") for text in texts) == sum(
        row["is_overdue"] for row in slips
    )


def test_tables_and_files_hold_every_row(content: dict[str, Any], opened: Page) -> None:
    of_day = {row["as_of_day"]: row["cite"] for row in _rows(content, "history")}
    for name in content["sets"]:
        tools = opened.locator(f"[data-set={name}]")
        rows = _rows(content, name)
        with opened.expect_download() as waiting:
            tools.locator(".download").click()
        written = Path(waiting.value.path()).read_bytes()
        assert written.startswith(b"\xef\xbb\xbf")
        read = list(csv.DictReader(io.StringIO(written.decode("utf-8-sig"), newline="")))
        assert len(read) == len(rows)
        for line, row in zip(read, rows, strict=True):
            for column, text in line.items():
                if column == "documents":
                    # The schedule of a day rests on what was announced by then.
                    cite = row["cite"] if "cite" in row else of_day[row["as_of_day"]]
                    cited = content["citations"][cite]
                    urls = [content["documents"][i]["url"] for i in cited]
                    assert text == " ".join(url for url in urls if url)
                elif isinstance(row[column], float | int) and not isinstance(row[column], bool):
                    assert float(text) == row[column]
                elif not isinstance(row[column], float):
                    assert not text.startswith(("=", "+", "-", "@"))
    _open_tables(opened)
    cells = opened.locator("[data-set=slips] tbody tr").all_inner_texts()
    slips = _rows(content, "slips")
    assert len(cells) == len(slips)
    assert all(row["deal_id"] in cell for row, cell in zip(slips, cells, strict=True))
    opened.locator("[data-set=slips] tbody button").first.click()
    assert opened.locator("#sources li").count() == len(content["citations"][slips[0]["cite"]])


def test_nothing_would_run_or_be_fetched_even_if_a_text_got_through(
    page: Path, browser: Browser, tmp_path: Path
) -> None:
    text = page.read_text("utf-8")
    got_through = f"{_HOSTILE[0]}{_HOSTILE[2]}<link rel=stylesheet href=http://127.0.0.1:9/x.css>"
    copy = tmp_path / "index.html"
    copy.write_text(text.replace("<h2", f"{got_through}<h2", 1), encoding="utf-8")
    opened = browser.new_page()
    refused: list[str] = []
    opened.on("requestfailed", lambda request: refused.append(f"{request.failure} {request.url}"))
    answered: list[str] = []
    opened.on("requestfinished", lambda request: answered.append(request.url))
    opened.goto(copy.as_uri())
    opened.wait_for_selector("html[data-ready]")
    assert opened.locator("main script, main img, main link").count() == 3
    assert opened.evaluate("window.hit") is None
    assert answered == [copy.as_uri()]
    assert sorted(refused) == [f"csp {copy.parent.as_uri()}/x", "csp http://127.0.0.1:9/x.css"]
    opened.close()


def _make_ledger(texts: list[str], addresses: list[str]) -> Ledger:
    """A ledger of as many deals and documents as there are texts, and one organisation more."""
    documents = [
        {
            "id": f"document-{place}",
            "publisher": text,
            "title": text,
            "url": addresses[place % len(addresses)],
            "published_on": "2026-01-05",
            "tier": "primary",
            "read": "full",
        }
        for place, text in enumerate(texts)
    ]
    organizations = [
        {"id": f"org-{place}", "name": text, "kind": "ai_lab"}
        for place, text in enumerate([*texts, "A provider"])
    ]
    deals = [
        {
            "id": f"deal-{place}",
            "title": text,
            "kind": "cloud_services",
            "confidence": "high",
            "parties": [
                {"org": f"org-{place}", "role": "customer"},
                {"org": f"org-{place + 1}", "role": "cloud_provider"},
            ],
            "events": [
                {
                    "known_on": "2026-01-05",
                    "kind": "signed",
                    "commitment": "definitive",
                    "capacity_gw": {"value": 1, "qualifier": "exact"},
                    "value_usd": {"value": 5_000_000_000, "qualifier": "exact"},
                    "phases": [{"seq": 1, "capacity_gw": 1, "starts": "2026-03"}],
                    "sources": [f"document-{place}"],
                }
            ],
        }
        for place, text in enumerate(texts)
    ]
    return {"deals": deals, "organizations": organizations, "documents": documents}


def _observe(ledger: Ledger, texts: list[str]) -> Ledger:
    observations = [
        {
            "id": f"seen-{place}",
            "org": "org-0",
            "scope": text,
            "measure": "processed",
            "level": "provider_total",
            "period": {"kind": "month", "of": "2026-02"},
            "tokens": {"value": 10**12, "qualifier": "exact"},
            "basis": "stated",
            "known_on": "2026-03-01",
            "confidence": "high",
            "sources": ["document-0"],
        }
        for place, text in enumerate(texts)
    ]
    return {**ledger, "token_observations": observations}


def test_hostile_texts_are_shown_and_do_nothing(
    publish: Any, write: Callable[..., Path], browser: Browser
) -> None:
    ledger = _observe(_make_ledger(_HOSTILE, _HOSTILE_ADDRESSES), _HOSTILE)
    page = write(publish(ledger).connection)
    opened = _open(browser, page)
    _open_tables(opened)
    for place in range(len(_read_content(page)["citations"])):
        button = opened.locator(f"main button[data-cite='{place}']").first
        if button.count():
            button.click()
            links = opened.eval_on_selector_all("a", "all => all.map(a => a.getAttribute('href'))")
            assert set(links) <= {url for url in _HOSTILE_ADDRESSES if url.startswith("https:")}
            opened.keyboard.press("Escape")
    for ribbon in opened.locator("[data-chart=flows] path[aria-label]").all()[:3]:
        ribbon.dispatch_event("mousemove")
    for text in _HOSTILE:
        assert opened.locator("td", has_text=text.strip("\u2028")).count() > 0
    assert opened.locator("main img, main iframe, main script, main svg svg").count() == 0
    assert opened.evaluate("window.hit") is None
    assert opened.evaluate("document.title") == "The AI compute build-out, 25 November 2026"
    assert opened.asked == [page.as_uri()]  # type: ignore[attr-defined]
    assert opened.told == []  # type: ignore[attr-defined]
    with opened.expect_download() as waiting:
        opened.locator("[data-set=tokens] .download").click()
    written = Path(waiting.value.path()).read_text("utf-8-sig")
    for line in csv.reader(io.StringIO(written, newline="")):
        assert not [cell for cell in line if cell.lstrip().startswith(("=", "+", "@"))]
    opened.close()


@pytest.mark.parametrize("deals", [0, 1])
def test_a_small_ledger_has_a_page_too(
    publish: Any, write: Callable[..., Path], browser: Browser, deals: int
) -> None:
    page = write(publish(_make_ledger(["A deal"] * deals, ["https://example.org/a"])).connection)
    opened = _open(browser, page, size="phone")
    assert opened.told == []  # type: ignore[attr-defined]
    assert opened.locator("section .lead").count() == 6
    assert opened.locator("[data-chart] svg").count() == (4 if deals else 0)
    assert ("1.0 <small>GW</small>" in page.read_text("utf-8")) == bool(deals)
    opened.close()


def test_a_list_of_documents_has_an_end(
    connection: DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_MOST_DOCUMENTS", 3)
    content = report.read_content(connection)
    assert max(map(len, content["citations"])) == 3


def test_a_query_that_does_not_run_is_named(scripts: str, tmp_path: Path) -> None:
    import duckdb

    with duckdb.connect() as empty, pytest.raises(ReleaseError, match="audit.release does not run"):
        write_report(empty, tmp_path / "report", scripts)
    assert not (tmp_path / "report").exists()


def test_a_script_that_would_end_its_element_is_refused(connection: DuckDBPyConnection) -> None:
    with pytest.raises(ReleaseError, match="</script"):
        report.build_page(connection, "const text = '</SCRIPT>';")
