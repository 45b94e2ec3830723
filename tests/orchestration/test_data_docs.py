"""Data Docs can be read without a network, and what a failing row says does nothing in them."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestration.audit.data_docs import describe_suites, write_data_docs
from orchestration.audit.results import CheckKind, CheckResult, Severity
from orchestration.audit.suites import load_suites
from orchestration.settings import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_BIDI = "\u202egnp.exe"
_HOSTILE = [
    "<script>window.hit = 1</script>",
    "</td></table></style></title><script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg/onload=window.hit=1>",
    "<a href='javascript:window.hit=1' id=hostile>open</a>",
    "{{ 7 * 7 }} {% raw %} ${7*7} $titles",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://example.org/'>",
    "<link rel=stylesheet href=http://example.org/x.css>",
    "<!-- ]]> -->",
    "=cmd|' /C calc'!A0",
    _BIDI,
]


def _make_result(text: str, number: int) -> CheckResult:
    return CheckResult(
        table_name="core.dim_deal",
        check_name=f"check {number} {text}",
        check_kind=CheckKind.EXPECTATION,
        severity=Severity.STOP,
        is_executed=True,
        is_passed=False,
        examined_rows=9,
        failed_rows=1,
        failing_sample=json.dumps([{"deal_id": text, text: None}, text]),
        message=text,
        why=text,
    )


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page on checks that failed on hostile rows."""
    results = [_make_result(text, number) for number, text in enumerate(_HOSTILE)]
    texts = {(result.table_name, result.check_name): result.why for result in results}
    write_data_docs(tmp_path / "data_docs", _HOSTILE[0], {"by": _HOSTILE[1]}, results, texts)
    return tmp_path / "data_docs" / "index.html"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= set(attrs)


def test_the_page_asks_for_nothing_and_holds_nothing_that_runs(page: Path) -> None:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))

    assert not reader.tags & {"script", "link", "img", "svg", "iframe", "object", "base", "form"}
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name == "src"]
    links = {value for name, value in reader.attributes if name == "href"}
    assert links == {"#core.dim_deal"}


def test_hostile_rows_are_shown_and_do_nothing_in_a_browser(page: Path, browser: Browser) -> None:
    opened = browser.new_page()
    opened.context.set_offline(True)
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(page.as_uri())

    assert opened.evaluate("window.hit") is None
    assert asked == [page.as_uri()]
    assert opened.locator("#hostile, iframe, img, svg").count() == 0
    cells = opened.locator(".rows td").all_inner_texts()
    assert set(_HOSTILE) <= set(cells)
    # A text that is written from right to left turns nothing but itself around.
    assert opened.locator(".rows td bdi").count() == len(cells)


def test_nothing_would_run_even_if_a_text_got_through(page: Path, browser: Browser) -> None:
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("<h2", f"{_HOSTILE[0]}{_HOSTILE[2]}<h2", 1), encoding="utf-8")
    opened = browser.new_page()
    opened.goto(page.as_uri())

    assert opened.locator("body > script, body > img").count() == 2
    assert opened.evaluate("window.hit") is None


def test_expectations_are_put_in_words() -> None:
    suites = load_suites(ROOT / "dbt_project" / "models" / "core")

    texts = describe_suites(suites)

    assert set(texts) == {
        (suite.table, item.name) for suite in suites for item in suite.expectations
    }
    assert texts["core.fct_deal_event", "expect_column_values_to_be_between(capacity_gw_base)"] == (
        "capacity_gw_base values must be greater than or equal to 0 and less than or equal to 50."
    )
    assert not [text for text in texts.values() if "$" in text]
