"""The questions of docs/questions.md: each answer is what its query gives on the real ledger."""

from __future__ import annotations

import re
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from orchestration.pages import QUESTIONS, read_day, read_queries, renew, show, write_answer
from tests.warehouse.harness import ROOT, Warehouse, read_ledger

PAGE = QUESTIONS.read_text(encoding="utf-8")
QUERIES = read_queries(PAGE)
SECTIONS = re.split(r"\n### ", PAGE)[1:]
_ONLY = {"only the Broadcom letter of intent": "openai-broadcom-10gw"}
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@pytest.fixture(scope="module")
def connection(published_warehouse: Warehouse) -> DuckDBPyConnection:
    return published_warehouse.connection


def test_there_are_twenty_five_questions_each_with_one_query() -> None:
    assert [section.split(".")[0] for section in SECTIONS] == [str(n) for n in range(1, 26)]
    assert [section.count("```sql") for section in SECTIONS] == [1] * 25
    assert len(QUERIES) == 25


@pytest.mark.parametrize(
    "number", range(25), ids=[section.splitlines()[0][:50] for section in SECTIONS]
)
def test_answer_is_what_the_query_gives(connection: DuckDBPyConnection, number: int) -> None:
    answer = re.search(r"<!-- answer -->\n(.*?)<!-- end -->", SECTIONS[number], re.DOTALL)
    assert answer is not None
    assert answer[1] == write_answer(connection, QUERIES[number]), "renew it with `make pages`"
    assert len(answer[1].splitlines()) > 4, "an answer has rows and a document"


def test_renewing_the_page_writes_every_answer(connection: DuckDBPyConnection) -> None:
    emptied = re.sub(r"(<!-- answer -->\n).*?(<!-- end -->)", r"\1\2", PAGE, flags=re.DOTALL)
    assert emptied != PAGE
    assert renew(emptied, connection, read_day(PAGE)) == PAGE


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.splitlines()[0][:50])
def test_what_is_said_of_an_answer_holds_no_other_number(section: str) -> None:
    shown, _, said = section.split("\n## ")[0].partition("<!-- end -->")
    known = set(_NUMBER.findall(shown))
    assert set(_NUMBER.findall(said)) <= known


def test_chips_by_year_add_up_to_the_vendors(connection: DuckDBPyConnection) -> None:
    (query,) = [query for query in QUERIES if "first_year" in query]
    differing = connection.execute(
        f"""
        select * from (
            select chip_vendor, sum(base_gw) as gw from ({query}) group by chip_vendor
        ) as by_year
        full join (
            select * from marts.vendor_concentration where customer_id = 'all'
        ) as by_vendor
            on by_year.chip_vendor = by_vendor.chip_vendor_id
        where abs(coalesce(gw, 0) - coalesce(chips_gw_base, 0)) > 0.000001
        """
    ).fetchall()
    assert differing == []


def _without(ledger: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    def unlinked(holder: dict[str, Any]) -> dict[str, Any]:
        links = [link for link in holder.get("links") or () if link["to"] not in gone]
        return {**holder, "links": links} if holder.get("links") else holder

    deals = [
        {**unlinked(deal), "events": [unlinked(event) for event in deal["events"]]}
        for deal in ledger["deals"]
        if deal["id"] not in gone
    ]
    return {**ledger, "deals": deals}


def test_what_if_is_what_a_ledger_without_the_party_gives(
    connection: DuckDBPyConnection, warehouse_of: Any
) -> None:
    (query,) = [query for query in QUERIES if "net_left_gw" in query]
    answers = connection.execute(
        f"select without, gross_left_gw, net_left_gw from ({query})"
    ).fetchall()
    ledger = read_ledger(ROOT / "sources" / "ledger")
    warehouse = warehouse_of("capacity_by_customer")
    for name, gross, net in answers:
        gone = {
            deal["id"]
            for deal in ledger["deals"]
            if deal["id"] == "openai-broadcom-10gw" == _ONLY.get(name)
            or any(party["org"] == name.lower() for party in deal["parties"])
        }
        assert gone
        warehouse.load(_without(ledger, gone), today=read_day(PAGE))
        assert warehouse.rows(
            "select gross_gw_base, total_gw_base from marts.capacity_by_customer"
            " where customer_id = 'all' and layer = 'net'"
        ) == [{"gross_gw_base": gross, "total_gw_base": net}]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "yes"), (1234.5, "1,234.5"), (10.0, "10"), (-0.0001, "0"), (3, "3")],
)
def test_values_are_shown_as_a_person_reads_them(value: object, text: str) -> None:
    assert show(value) == text
