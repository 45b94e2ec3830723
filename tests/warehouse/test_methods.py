"""docs/methods.md and docs/limits.md: each table is what its query gives, each sum comes out."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
import yaml
from duckdb import DuckDBPyConnection

from orchestration.pages import LIMITS, METHODS, read_day, read_queries, renew
from sources.feeds.feed import find_feeds
from tests.warehouse.harness import ROOT, Warehouse

PAGES = {path.stem: path.read_text(encoding="utf-8") for path in (METHODS, LIMITS)}
RULES = re.split(r"\n## ", PAGES["methods"])[1:]
PARTS = [part for page in PAGES.values() for part in re.split(r"\n## ", page)[1:]]

_ANSWER = re.compile(r"<!-- answer -->\n(.*?)<!-- end -->", re.DOTALL)
_SHOWN = re.compile(r"```sql\n.*?```|<!-- answer -->.*?<!-- end -->", re.DOTALL)
_SUM = re.compile(r"`([^`\n]+) = ([\d,.]+)`")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w])")
# Names of rules, code and links are no figures; the table of licences has a test of its own.
_NO_FIGURE = re.compile(r"\bS\d+\b|`[^`]*`|\[[^\]]*\]\([^)]*\)|^\|.*$", re.MULTILINE)
_COMMAND = re.compile(r'^make query SQL="([^"]*)"$', re.MULTILINE)

_OPERATORS: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {"max": max, "min": min, "ln": math.log}


@pytest.fixture(scope="module")
def connection(published_warehouse: Warehouse) -> DuckDBPyConnection:
    return published_warehouse.connection


def _compute(text: str) -> float:
    """Work out a sum as a reader does; what is no number, operator or known function fails."""

    def value(node: Any) -> float:
        match node:
            case ast.Expression():
                return value(node.body)
            case ast.Constant(value=int() | float() as number):
                return number
            case ast.BinOp():
                return _OPERATORS[type(node.op)](value(node.left), value(node.right))
            case ast.Call(func=ast.Name(id=name)):
                return _FUNCTIONS[name](*map(value, node.args))
        raise AssertionError(f"{text} is no sum")

    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    for sign, spelt in {"×": "*", "÷": "/", "^": "**"}.items():
        plain = plain.replace(sign, spelt)
    return value(ast.parse(plain, mode="eval"))


def _numbers(text: str) -> set[Decimal]:
    return {Decimal(found.replace(",", "")) for found in _NUMBER.findall(text)}


def _title(section: str) -> str:
    return section.splitlines()[0]


def test_each_rule_has_an_example_a_sum_and_a_doubt() -> None:
    assert [_title(rule).split()[0] for rule in RULES] == [f"S{n}" for n in range(1, 15)]
    for rule in RULES:
        assert read_queries(rule) and _SUM.search(rule) and "\n*Doubt:*" in rule, _title(rule)


@pytest.mark.parametrize("page", PAGES)
def test_page_is_what_its_queries_give(connection: DuckDBPyConnection, page: str) -> None:
    text = PAGES[page]
    assert text.count("```sql") == len(read_queries(text)) == len(_ANSWER.findall(text))
    emptied = _ANSWER.sub("<!-- answer -->\n<!-- end -->", text)
    renewed = renew(emptied, connection, read_day(text))
    assert renewed == text, "renew it with `make pages`, and what is said of the tables by hand"
    for answer in _ANSWER.findall(text):
        assert len(answer.splitlines()) > 2, f"without a row:\n{answer}"


@pytest.mark.parametrize(
    ("left", "right"), [found.groups() for part in PARTS for found in _SUM.finditer(part)]
)
def test_sums_come_out(left: str, right: str) -> None:
    written = right.replace(",", "")
    decimals = len(written.partition(".")[2])
    assert abs(_compute(left) - float(written)) <= 0.5000001 * 10**-decimals


@pytest.mark.parametrize("part", PARTS, ids=_title)
def test_numbers_of_the_text_stand_in_a_table_a_query_or_the_rule(part: str) -> None:
    """A rule is stated before its first query; all other numbers are shown or worked out."""
    stated, _, rest = part.partition("```sql") if part in RULES else ("", "", part)
    known = _numbers(stated)
    for shown in _SHOWN.findall(part):
        known |= _numbers(shown)
    said = _SHOWN.sub("", f"```sql{rest}" if stated else rest)
    for left, right in _SUM.findall(said):
        assert _numbers(left) <= known | {Decimal(1)}, f"{left} = {right}"
        known |= _numbers(right)
    assert _numbers(_NO_FIGURE.sub("", said)) <= known


def test_commands_of_the_limits_run(connection: DuckDBPyConnection) -> None:
    commands = _COMMAND.findall(PAGES["limits"])
    assert len(commands) == 4
    for command in commands:
        connection.execute(command)


def test_limits_name_each_feed_as_its_publisher_asks() -> None:
    for name in find_feeds():
        feed = yaml.safe_load((ROOT / "sources" / name / "source.yml").read_text())
        line = f"| {feed['publisher']} | {feed['licence']} | {feed['attribution']} |"
        assert f"| [{name}](../sources/{name}/source.yml) {line}" in PAGES["limits"]
