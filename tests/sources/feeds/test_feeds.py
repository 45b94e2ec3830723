"""What ships with the project: feeds as described, samples as recorded, lists that point somewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest
import yaml

from sources.feeds.feed import Feed, FeedError, find_feeds
from sources.feeds.load import create_tables, load_feed
from sources.feeds.snapshots import Store, list_samples
from tests.sources.feeds.publisher import ROOT

_FEEDS = find_feeds()
_LEDGER = ROOT / "sources" / "ledger"


@pytest.fixture(params=_FEEDS)
def feed(request: pytest.FixtureRequest) -> Feed:
    return _FEEDS[request.param]


def test_every_sample_is_what_was_recorded_and_says_whose_it_is(feed: Feed) -> None:
    samples = list_samples(feed.name, feed.folder)

    for sample in samples:
        assert hashlib.sha256(sample.path.read_bytes()).hexdigest() == sample.sha256
        assert sample.licence and sample.attribution and sample.confidence == "medium"
    kept = {path.name for path in (feed.folder / "samples").glob("*.*")}
    told = {sample.path.name for sample in samples}
    assert {name for name in kept - told if not name.startswith("README")} == set()


def test_every_record_of_the_samples_is_accepted(feed: Feed, tmp_path: Path) -> None:
    with duckdb.connect() as connection:
        create_tables(connection, [feed])
        report = load_feed(connection, feed, Store(tmp_path), tmp_path / "work")

    assert (report.quarantined, report.problems) == (0, [])


def test_lists_kept_by_hand_name_what_the_ledger_has() -> None:
    def read(path: str, name: str) -> list[dict[str, str]]:
        return yaml.safe_load((ROOT / "sources" / path).read_text(encoding="utf-8"))[name]

    makers = read("openrouter/makers.yml", "maker")
    companies = read("epoch/companies.yml", "company")
    matches = read("epoch/matches.yml", "site_match")
    for entry in (*makers, *companies):
        assert (_LEDGER / "organizations" / f"{entry['org_id']}.yml").is_file(), entry
    for entry in matches:
        assert (_LEDGER / "deals" / f"{entry['deal_id']}.yml").is_file(), entry
        assert entry["note"] and entry["cause"] in {"power_basis", "scope", "date", "unstated"}
    sites = [entry["site_name"] for entry in matches]
    assert len(sites) == len(set(sites))
    with duckdb.connect() as connection:
        sample = ROOT / "sources" / "epoch" / "samples" / "data_centers.csv"
        known = connection.execute(f"select Handle from read_csv('{sample}')").fetchall()
    assert set(sites) <= {name for (name,) in known}


def test_dbt_reads_every_raw_table(feed: Feed) -> None:
    staging = ROOT / "dbt_project" / "models" / "staging" / feed.name
    (declared,) = yaml.safe_load((staging / f"_{feed.name}__sources.yml").read_text())["sources"]

    assert declared["name"] == feed.schema
    tables = {table["name"] for table in declared["tables"]}
    assert tables == {table.name for table in feed.tables} | set(feed.curated)
    assert {path.stem for path in staging.glob("stg_*.sql")} == {
        f"stg_{feed.name}__{table}" for table in tables
    }
    test = ROOT / "dbt_project" / "tests" / "generic" / "accounts_for_every_feed_record.sql"
    for table in feed.tables:
        assert f"('{table.name}', 'stg_{feed.name}__{table.name}')" in test.read_text()


def test_only_https_hosts_of_the_publisher_are_listed(feed: Feed) -> None:
    assert feed.address.startswith("https://")
    assert feed.address.split("/")[2] in feed.hosts


def test_a_folder_that_is_not_as_it_must_be_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "ecb"
    folder.mkdir()
    good = yaml.safe_load((ROOT / "sources" / "ecb" / "source.yml").read_text(encoding="utf-8"))

    (folder / "source.yml").write_text(yaml.safe_dump({**good, "tables": ["rates"]}))
    with pytest.raises(FeedError, match="differ in rate, rates"):
        find_feeds(tmp_path)

    good.pop("licence")
    (folder / "source.yml").write_text(yaml.safe_dump(good))
    with pytest.raises(FeedError, match="licence"):
        find_feeds(tmp_path)
