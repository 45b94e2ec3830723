"""A publisher on loopback that answers as it is told, and what each feed's replies look like.

The replies are the recorded samples, put back into the publisher's own form where the sample was
flattened; nothing of it reaches a warehouse.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sources.feeds.feed import Feed, find_feeds
from sources.feeds.http import Limits

ROOT = Path(__file__).parents[3]
FAST = Limits(
    requests_per_minute=60_000,
    max_bytes=5_000_000,
    seconds=15,
    idle_seconds=5,
    backoff_seconds=0.01,
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the publisher says to one request."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0
    """Seconds of silence before it answers."""
    drip: float = 0
    """Seconds between two bytes of the body."""


@dataclass
class Publisher:
    """What is said to whoever asks for a path, and what was asked."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    """By the path without its query; the last one is repeated."""
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    think: Callable[[str], Answer] | None = None
    """Answers by the whole path, in place of `answers`."""
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"http://{self.host}"

    def say(self, path: str, *answers: Answer) -> None:
        self.answers[path] = list(answers)

    def next_answer(self, path: str) -> Answer:
        if self.think:
            return self.think(path)
        waiting = self.answers.get(path.split("?")[0], [Answer(status=404)])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def serve() -> Iterator[Publisher]:
    """Run a publisher in a thread while the context lasts."""
    publisher = Publisher()
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            answer = publisher.next_answer(self.path)
            if answer.wait:
                closing.wait(answer.wait)
            try:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if not answer.drip:
                    self.wfile.write(answer.body)
                    return
                for byte in answer.body:
                    if closing.is_set():
                        return
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(answer.drip)
            except OSError:
                # The one who asked has hung up, as it should on some of the answers.
                self.close_connection = True

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    publisher.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield publisher
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Recorded:
    """A good reply of one part of a feed, as rows, so that it can be spoilt."""

    path: str
    form: str
    table: str
    partition: str
    rows: Sequence[Row]
    render: Callable[[Sequence[Row], int], bytes]
    """Rows and how old a copy it is, in days, to the bytes of a reply."""
    media: str
    label: str
    """A column that is needed."""
    unit: str
    """The column whose unit may change."""
    again: Callable[[Row, int], Row]
    """Another record like this one."""
    most_rows: int | None = None
    """Rows with which it is fresh; None for all."""

    def answer(
        self, rows: Sequence[Row] | None = None, *, days_old: int = 0, packed: bool = False
    ) -> Answer:
        """Return the reply that says these rows."""
        body = self.render(self.rows if rows is None else rows, days_old)
        headers = {
            "Content-Type": self.media,
            "ETag": f'"{len(body)}"',
            "Last-Modified": f"Tue, {24 - days_old:02} Nov 2026 12:00:00 GMT",
        }
        if packed:
            return Answer(gzip.compress(body), headers={**headers, "Content-Encoding": "gzip"})
        return Answer(body, headers=headers)


def write_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV under the names of the first one."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["Date"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read_rows(name: str) -> list[Row]:
    """Return the rows of a sample."""
    with (ROOT / "sources" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _render_csv(rows: Sequence[Row], days_old: int) -> bytes:
    return write_csv(rows).encode()


def _render_rankings(rows: Sequence[Row], days_old: int) -> bytes:
    meta = {"as_of": f"2026-11-{24 - days_old:02}T06:00:00Z", "version": "v1"}
    return json.dumps({"data": list(rows), "meta": meta}).encode()


def _render_archive(rows: Sequence[Row], days_old: int) -> bytes:
    # The ECB's lines end with a comma.
    text = write_csv(rows[days_old:]).replace("\n", ",\n")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("eurofxref-hist.csv"), text)
    return packed.getvalue()


def _render_models(rows: Sequence[Row], days_old: int) -> bytes:
    nested = [
        {
            **{name: value for name, value in row.items() if name not in _PRICES},
            "pricing": {name: row[name] for name in _PRICES if name in row},
        }
        for row in rows
    ]
    return json.dumps({"data": nested}).encode()


_PRICES = ("prompt", "completion", "paid", "input_cache_read")


def _render_company(rows: Sequence[Row], days_old: int) -> bytes:
    tags: dict[str, Any] = {}
    for row in rows:
        tag = row.get("tag") or "PaymentsToAcquirePropertyPlantAndEquipment"
        entry = {name: value for name, value in row.items() if name != "tag"}
        if days_old and entry.get("filed", "") > "2026-05-01":
            continue
        tags.setdefault(tag, {"label": tag, "units": {"USD": []}})["units"]["USD"].append(entry)
    return json.dumps(
        {"cik": 789019, "entityName": "MICROSOFT CORP", "facts": {"us-gaap": tags}}
    ).encode()


def _list_company_rows() -> list[Row]:
    rows = []
    for row in read_rows("sec_facts/samples/xbrl_facts_msft_amzn_googl_meta_2026-08-04.csv"):
        if row["ticker"] == "MSFT":
            year, month, _ = map(int, row["period_end"].split("-"))
            months = 12 if row["form"] == "10-K" else 3
            first = year * 12 + month - months
            rows.append(
                {
                    "tag": row["tag"],
                    "start": f"{first // 12}-{first % 12 + 1:02}-01",
                    "end": row["period_end"],
                    "val": int(row["val"]),
                    "accn": row["accn"],
                    "fy": int(row["fy"]),
                    "fp": row["fp"],
                    "form": row["form"],
                    "filed": row["filed"],
                }
            )
    return rows


def _list_model_rows() -> list[Row]:
    path = ROOT / "sources/token_prices/samples/openrouter-price-changepoints-2026-08-22.json"
    models = json.loads(path.read_text(encoding="utf-8"))["models"]
    return [
        {
            "id": name,
            "prompt": f"{entry['points'][-1][1] / 1e6:.12f}",
            "completion": f"{entry['points'][-1][2] / 1e6:.12f}",
        }
        for name, entry in models.items()
        if entry["present_now"] and None not in entry["points"][-1]
    ][:60]


def _list_ranking_rows() -> list[Row]:
    rows = read_rows("openrouter/samples/rankings-daily-2026-05-24_2026-08-21.csv")
    return [row for row in rows if row["date"] >= "2026-08-18"]


def list_recorded() -> dict[str, Recorded]:
    """Return a good reply of each part of each feed."""
    usage = read_rows("epoch/samples/ai_companies_usage_reports.csv")
    return {
        "openrouter": Recorded(
            "/api/v1/datasets/rankings-daily",
            "rankings",
            "ranking",
            "",
            _list_ranking_rows(),
            _render_rankings,
            "application/json",
            "model_permaslug",
            "total_tokens",
            lambda row, number: row | {"model_permaslug": f"{row['model_permaslug']}-{number}"},
        ),
        "ecb": Recorded(
            "/stats/eurofxref/eurofxref-hist.zip",
            "history_archive",
            "rate",
            "",
            read_rows("ecb/samples/ecb-eurofxref-2023-01_2026-10.csv")[:40],
            _render_archive,
            "application/zip",
            "Date",
            "JPY",
            lambda row, number: row | {"Date": f"{1000 + number}{row['Date'][4:]}"},
        ),
        "token_prices": Recorded(
            "/api/v1/models",
            "models",
            "price",
            "models",
            _list_model_rows(),
            _render_models,
            "application/json",
            "id",
            "prompt",
            lambda row, number: row | {"id": f"{row['id']}-{number}"},
        ),
        "sec_facts": Recorded(
            "/api/xbrl/companyfacts/CIK0000789019.json",
            "company",
            "fact",
            "0000789019",
            _list_company_rows(),
            _render_company,
            "application/json",
            "val",
            "val",
            lambda row, number: row | {"accn": f"{row['accn']}-{number}"},
        ),
        "epoch": Recorded(
            "/data/ai_companies_usage_reports.csv",
            "usage_reports",
            "usage_report",
            "usage",
            usage,
            _render_csv,
            "text/csv; charset=utf-8",
            "Company",
            "Active users",
            lambda row, number: row | {"Id": f"{row['Id']} {number}"},
        ),
        "epoch sites": Recorded(
            "/files/v3/data_centers.csv",
            "sites",
            "site",
            "sites",
            read_rows("epoch/samples/data_centers.csv"),
            _render_csv,
            "text/csv",
            "Handle",
            "Current power (MW)",
            lambda row, number: row | {"Handle": f"{row['Handle']} {number}"},
        ),
        "epoch timelines": Recorded(
            "/files/v3/data_center_timelines.csv",
            "timelines",
            "site_timeline",
            "timelines",
            read_rows("epoch/samples/data_center_timelines.csv"),
            _render_csv,
            "text/csv",
            "Data center",
            "Power (MW)",
            lambda row, number: row | {"Data center": f"{row['Data center']} {number}"},
        ),
    }


EPOCH_PAGE = (
    '<!doctype html><html><body><a href="/data">Data</a>'
    '<a class="x" href="/files/v3/data_centers.csv">CSV</a>'
    '<a href="/files/v3/data_center_timelines.csv">CSV</a></body></html>'
)


def point_at(publisher: Publisher, name: str, limits: Limits = FAST) -> Feed:
    """Return a feed that asks the publisher on loopback instead of its own."""
    feed = find_feeds()[name]
    path = feed.address.split("/", 3)[3]
    return replace(
        feed,
        address=f"{publisher.address}/{path}",
        hosts=frozenset({publisher.host}),
        limits=limits,
    )
