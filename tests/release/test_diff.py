"""What moved between two releases, by how much, and because of what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.audit.results import insert_rows
from orchestration.hashes import hash_table
from orchestration.releases import diff
from orchestration.releases.diff import Side, compare
from orchestration.releases.tell import tell_diff

# Table, its columns, the columns of its key.
_TABLES = {
    "core.dim_deal": ("deal_id varchar, capacity_gw_base decimal(18, 9), kind varchar", 1),
    "core.fct_deal_event": (
        "deal_id varchar, event_seq integer, capacity_gw_base decimal(18, 9), source_ids varchar[]",
        2,
    ),
    "core.fct_deal_party": ("deal_id varchar, org_id varchar, source_ids varchar[]", 2),
    "core.fct_deal_link": ("deal_id varchar, to_deal_id varchar, source_ids varchar[]", 2),
    "marts.capacity_by_customer": (
        "customer_id varchar, layer varchar, gross_gw_base decimal(18, 9), source_ids varchar[]",
        2,
    ),
    "marts.token_volume_monthly": ("org_id varchar, tokens double, source_ids varchar[]", 1),
    "marts.vendor_concentration": ("customer_id varchar, chip_vendor_id varchar, hhi double", 2),
}
# Two deals of two customers; both cite the first document.
_WORLD: dict[str, list[tuple[Any, ...]]] = {
    "core.dim_deal": [("oracle", 4.5, "cloud"), ("amd", 6, "chips")],
    "core.fct_deal_event": [("oracle", 1, 4.5, ["a", "b"]), ("amd", 1, 6, ["a", "c"])],
    "core.fct_deal_party": [("oracle", "openai", ["a"]), ("amd", "meta", ["a"])],
    "core.fct_deal_link": [],
    "marts.capacity_by_customer": [
        ("openai", "net", 4.5, ["a", "b"]),
        ("meta", "net", 6, ["a", "c"]),
        ("all", "net", 10.5, ["a", "b", "c"]),
    ],
    "marts.token_volume_monthly": [("google", 1e15, ["t"])],
    "marts.vendor_concentration": [("meta", None, 0.5)],
}
_RECORDS = {
    ("deal", "oracle"): "1",
    ("deal", "amd"): "1",
    ("document", "a"): "1",
    ("token_observation", "google-2026-05"): "1",
}

Rows = Mapping[str, Sequence[tuple[Any, ...]]]


class Pair:
    """Two releases in memory, to be changed and compared."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def put(
        self,
        database: str,
        rows: Rows,
        records: Mapping[tuple[str, str], str],
        **manifest: Any,
    ) -> Side:
        connection = self.connection
        connection.execute(f"attach if not exists ':memory:' as {database}; use {database}")
        connection.execute("create schema core; create schema marts; create schema audit")
        connection.execute(
            "create table audit.record_history (record_kind varchar, record_id varchar,"
            " last_seen_release varchar, content_hash varchar, file varchar)"
        )
        entries = []
        for table, (columns, size) in _TABLES.items():
            connection.execute(f"create table {table} ({columns})")
            insert_rows(connection, table, rows[table])
            names = [column.split()[0] for column in columns.split(", ") if " " in column]
            found = hash_table(connection, table)
            entries.append(
                {
                    "table": table,
                    "row_count": found.row_count,
                    "content_hash": found.content_hash,
                    "depends_on_clock": False,
                    "key": names[:size],
                    "rule_hash": "1",
                }
            )
        history = [
            (kind, name, database, content, f"{kind}s/{name}.yml")
            for (kind, name), content in records.items()
        ]
        insert_rows(connection, "audit.record_history", history)
        inputs = [{"path": row[4], "sha256": f"{row[1]} {row[3]}"} for row in history]
        return Side(
            database,
            {
                "release_id": database,
                "today": "2026-11-25",
                "git_revision": "abc",
                "versions": {"duckdb": "2.0.1"},
                "inputs": inputs,
                "tables": entries,
            }
            | manifest,
        )

    def compare(
        self,
        changed: Rows | None = None,
        records: Mapping[tuple[str, str], str] | None = None,
        **manifest: Any,
    ) -> dict[str, Any]:
        """Compare the small world with one that differs in what is given."""
        old = self.put("earlier", _WORLD, _RECORDS)
        new = self.put("later", {**_WORLD, **(changed or {})}, records or _RECORDS, **manifest)
        return compare(self.connection, old, new)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two releases that are not there yet."""
    with duckdb.connect() as connection:
        yield Pair(connection)


_NEW_EVENT: dict[str, list[tuple[Any, ...]]] = {
    "core.dim_deal": [("oracle", 5.5, "cloud"), ("amd", 6, "chips")],
    "core.fct_deal_event": [*_WORLD["core.fct_deal_event"], ("oracle", 2, 5.5, ["d"])],
    "marts.capacity_by_customer": [
        ("openai", "net", 5.5, ["a", "b", "d"]),
        ("meta", "net", 6, ["a", "c"]),
        ("all", "net", 11.5, ["a", "b", "c", "d"]),
    ],
}
_WITH_EVENT = _RECORDS | {("deal", "oracle"): "2", ("document", "d"): "1"}


def test_two_releases_of_one_input_differ_in_nothing(pair: Pair) -> None:
    found = pair.compare()

    assert found["summary"] == "no figure moved"
    assert found["tables"] == [] and found["changed_records"] == {}


def test_a_new_event_is_followed_from_the_deal_to_every_total(pair: Pair) -> None:
    found = pair.compare(_NEW_EVENT, _WITH_EVENT)

    assert found["changed_records"] == {"new_event": 1, "new_document": 1}
    moved = pair.ask(
        "select table_name, row_key ->> '$.*', change, column_name, old_value, new_value,"
        " difference, cause, records[1] from moved order by table_name, row_key::varchar"
    )
    oracle = ("new_event", "deal oracle (new event)")
    assert moved == [
        ("core.dim_deal", ["oracle"], "changed", "capacity_gw_base",
         "4.500000000", "5.500000000", 1.0, *oracle),
        ("core.fct_deal_event", ["oracle", "2"], "added", "capacity_gw_base",
         None, "5.500000000", None, *oracle),
        ("marts.capacity_by_customer", ["all", "net"], "changed", "gross_gw_base",
         "10.500000000", "11.500000000", 1.0, *oracle),
        ("marts.capacity_by_customer", ["openai", "net"], "changed", "gross_gw_base",
         "4.500000000", "5.500000000", 1.0, *oracle),
    ]  # fmt: skip
    assert found["summary"] == "4 figures moved in 3 tables: 1 new event, 1 new document"
    assert found["changed_inputs"] == ["deals/oracle.yml", "documents/d.yml"]


def test_an_event_that_is_edited_is_a_correction(pair: Pair) -> None:
    events = [("oracle", 1, 4, ["a", "b"]), ("amd", 1, 6, ["a", "c"])]

    found = pair.compare({"core.fct_deal_event": events}, _RECORDS | {("deal", "oracle"): "2"})

    assert found["tables"][0]["causes"] == {"correction": 1}
    assert found["tables"][0]["largest"][0]["difference"] == -0.5


def test_a_deal_that_came_and_one_that_went_are_told_apart(pair: Pair) -> None:
    deals = [("oracle", 4.5, "cloud"), ("nvidia", 10, "chips")]
    records = {**_RECORDS, ("deal", "nvidia"): "1"}
    del records["deal", "amd"]

    found = pair.compare({"core.dim_deal": deals}, records)

    assert found["tables"][0]["rows"] == {
        "added": 1, "removed": 1, "changed": 0, "figures_moved": 2, "values_moved": 2
    }  # fmt: skip
    told = {move["change"]: move for move in found["tables"][0]["largest"]}
    assert told["added"]["records"] == ["deal nvidia (new record)"]
    assert told["removed"]["records"] == ["deal amd (removed record)"]
    assert (told["removed"]["old"], told["removed"]["new"]) == ("6.000000000", None)


def test_a_shared_document_does_not_lay_a_total_to_another_customers_deal(pair: Pair) -> None:
    customers = [
        ("openai", "net", 4.5, ["a", "b"]),
        ("meta", "net", 7, ["a", "c"]),
        ("all", "net", 10.5, ["a", "b", "c"]),
    ]
    # The deal of openai changed, yet it is meta's total that moved, and so did its rule.
    found = pair.compare(
        {"marts.capacity_by_customer": customers},
        _RECORDS | {("deal", "oracle"): "2"},
        versions={"duckdb": "2.0.2"},
    )

    assert found["tables"][0]["causes"] == {"rule": 1}


def test_a_deal_that_only_a_link_ties_to_the_changed_one_is_laid_to_it(pair: Pair) -> None:
    deals = [("oracle", 4.5, "cloud"), ("amd", 5, "chips")]
    found = pair.compare(
        {"core.dim_deal": deals, "core.fct_deal_link": [("oracle", "amd", ["a"])]},
        _RECORDS | {("deal", "oracle"): "2"},
    )

    tables = {table["table"]: table for table in found["tables"]}
    move = tables["core.dim_deal"]["largest"][0]
    assert move["key"] == {"deal_id": "amd"}
    assert move["records"] == ["deal oracle (correction)"]


_AMD_SHRANK = {"core.dim_deal": [("oracle", 4.5, "cloud"), ("amd", 5, "chips")]}


@pytest.mark.parametrize(
    ("manifest", "records", "cause"),
    [
        pytest.param({"today": "2026-11-26"}, _RECORDS, "day", id="the day"),
        pytest.param({"versions": {"duckdb": "2.0.2"}}, _RECORDS, "rule", id="an engine"),
        pytest.param(
            {"versions": {"duckdb": "2.0.2"}, "today": "2026-11-26"}, _RECORDS, "rule", id="both"
        ),
        pytest.param(
            {}, _RECORDS | {("token_observation", "x"): "1"}, "elsewhere", id="another record"
        ),
        pytest.param({}, _RECORDS, "unknown", id="nothing"),
        pytest.param(
            {"versions": {"duckdb": "2.0.1", "dagster": "2"}}, _RECORDS, "unknown", id="no engine"
        ),
    ],
)
def test_a_row_without_a_changed_record_behind_it_is_laid_to_rule_or_day(
    pair: Pair, manifest: dict[str, Any], records: dict[tuple[str, str], str], cause: str
) -> None:
    found = pair.compare(_AMD_SHRANK, records, **manifest)

    assert found["tables"][0]["causes"] == {cause: 1}


def test_a_changed_rule_is_that_of_its_tables_alone(pair: Pair) -> None:
    changed = _AMD_SHRANK | {"marts.token_volume_monthly": [("google", 2e15, ["t"])]}
    old = pair.put("earlier", _WORLD, _RECORDS)
    new = pair.put("later", _WORLD | changed, _RECORDS, today="2026-11-26", git_revision="def")
    for entry in new.manifest["tables"]:
        entry["rule_hash"] = "2" if entry["table"] == "core.dim_deal" else "1"

    found = compare(pair.connection, old, new)

    assert found["changed_rules"] == ["core.dim_deal"]
    assert [table["causes"] for table in found["tables"]] == [{"rule": 1}, {"day": 1}]


def test_records_of_an_unchanged_file_that_read_differently_are_a_changed_rule(pair: Pair) -> None:
    inputs = [{"path": f"{kind}s/{name}.yml", "sha256": f"{name} 1"} for kind, name in _RECORDS]

    found = pair.compare(_AMD_SHRANK, _RECORDS | {("deal", "amd"): "2"}, inputs=inputs)

    assert found["is_read_differently"] and found["records"] == []
    assert found["tables"][0]["causes"] == {"rule": 1}


def test_a_row_whose_key_holds_a_null_is_compared_with_itself(pair: Pair) -> None:
    found = pair.compare({"marts.vendor_concentration": [("meta", None, 0.75)]})

    assert found["tables"][0]["rows"]["changed"] == 1
    assert found["tables"][0]["largest"][0]["difference"] == 0.25


def test_texts_count_as_changes_and_not_as_figures(pair: Pair) -> None:
    found = pair.compare({"core.dim_deal": [("oracle", 4.5, "site"), ("amd", 6, "chips")]})

    assert found["summary"] == "no figure moved, 1 table changed otherwise"
    assert found["tables"][0]["rows"]["values_moved"] == 1
    assert "kind cloud -> site" in tell_diff(found, most=5)


def test_a_column_of_another_type_and_one_that_is_new_are_no_moves(pair: Pair) -> None:
    old = pair.put("earlier", _WORLD, _RECORDS)
    new = pair.put("later", _WORLD, _RECORDS)
    pair.connection.execute("alter table later.core.dim_deal alter capacity_gw_base type double")
    pair.connection.execute("alter table later.core.dim_deal add column note varchar")
    new.tables["core.dim_deal"]["content_hash"] = "another"  # type: ignore[index]

    found = compare(pair.connection, old, new)

    assert found["tables"] == [
        {
            "table": "core.dim_deal",
            "change": "changed",
            "columns_added": ["note"],
            "rows": dict.fromkeys(found["tables"][0]["rows"], 0),
            "causes": {},
            "largest": [],
        }
    ]
    assert tell_diff(found, most=5).endswith("core.dim_deal: the same rows\n  columns added: note")


def test_a_table_that_came_or_is_too_large_is_named(pair: Pair) -> None:
    old = pair.put("earlier", _WORLD, _RECORDS)
    new = pair.put("later", _WORLD | _AMD_SHRANK, _RECORDS)
    old.manifest["tables"].pop(-1)

    found = compare(pair.connection, old, new, most_rows=1)

    assert found["tables"][0]["not_compared"] == "2 rows; make diff compares them"
    assert found["tables"][1] == {"table": "marts.vendor_concentration", "change": "added"}
    told = tell_diff(found, most=5)
    assert "core.dim_deal: not compared, 2 rows" in told
    assert "marts.vendor_concentration: table added" in told


def test_long_lists_are_cut_and_say_so(pair: Pair) -> None:
    deals = [(f"deal-{number:03}", number, "cloud") for number in range(1, 251)]
    records = _RECORDS | {("deal", name): "1" for name, *_ in deals}

    found = pair.compare({"core.dim_deal": [*_WORLD["core.dim_deal"], *deals]}, records)
    told = tell_diff(found, most=3)

    assert found["tables"][0]["rows"]["figures_moved"] == 250
    assert len(found["tables"][0]["largest"]) == diff.MOST_IN_JSON
    assert "  and 230 more\n" in told and told.endswith("  and 247 more")
    assert json.loads(json.dumps(found)) == found


_FIGURES = st.none() | st.decimals(-9, 9, places=9)
_SIDES = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from("xy")), _FIGURES, max_size=6
)


@given(earlier=_SIDES, later=_SIDES)
@settings(max_examples=12, deadline=None)
def test_every_figure_that_moved_is_found_and_no_other(
    earlier: dict[tuple[str, str | None], Decimal | None],
    later: dict[tuple[str, str | None], Decimal | None],
) -> None:
    def write(side: dict[tuple[str, str | None], Decimal | None]) -> Rows:
        rows = [(*key, value, ["a"]) for key, value in side.items()]
        return _WORLD | {"marts.capacity_by_customer": rows}

    with duckdb.connect() as connection:
        pair = Pair(connection)
        compare(connection, pair.put("e", write(earlier), {}), pair.put("l", write(later), {}))
        moved = pair.ask(
            "select row_key ->> 'customer_id', row_key ->> 'layer', change,"
            " cast(old_value as decimal(18, 9)), cast(new_value as decimal(18, 9)), difference"
            " from moved where column_name is not null"
        )

    expected = []
    for key in earlier.keys() | later.keys():
        old, new = earlier.get(key), later.get(key)
        if old == new:
            continue
        change = "added" if key not in earlier else "removed" if key not in later else "changed"
        difference = None if old is None or new is None else float(new - old)
        expected.append((*key, change, old, new, difference))
    assert sorted(map(repr, moved)) == sorted(map(repr, expected))
