"""The raw tables of the feeds as assets, found by the `source.yml` of their folders."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration import feeds
from orchestration.assets import FEEDS_TEAM
from orchestration.assets.polls import keep_companies, name_poll
from orchestration.assets.raw import describe_tables, list_raw_tables, read_sources
from orchestration.resources import WAREHOUSE_POOL, Workshop
from sources.feeds.feed import find_feeds
from sources.feeds.load import SHARED_TABLES, FeedReport

_SHARED = {
    "snapshot": "What became of each snapshot of every feed.",
    "quarantine": "The records of feeds that were refused, each with the rule and a remedy.",
    "status": "How fresh each feed is, and what hindered newer data.",
}


def make_raw_feeds() -> dg.AssetsDefinition:
    """Return the raw tables of all feeds, as one step."""
    sources = read_sources()
    # Whose filings are asked for stands in the ledger, which also begins the work database.
    after = dg.AssetKey(["raw_ledger", "organization"])
    known = find_feeds()
    tables = {name: list_raw_tables(name) for name in known}
    shared = [dg.AssetKey(["raw_feeds", table]) for table in SHARED_TABLES]
    specs = [
        dg.AssetSpec(
            key,
            deps=[after, name_poll(known[name])],
            group_name="raw",
            kinds={"python", "duckdb"},
            owners=[FEEDS_TEAM],
            description=f"{sources[name]['title']}: {key.path[-1].replace('_', ' ')}, as found."
            f" {sources[name]['attribution']}",
        )
        for name, keys in tables.items()
        for key in keys
    ]
    specs += [
        dg.AssetSpec(
            key,
            deps=[after, *map(name_poll, known.values())],
            group_name="raw",
            kinds={"python", "duckdb"},
            owners=[FEEDS_TEAM],
            description=_SHARED[key.path[-1]],
        )
        for key in shared
    ]

    @dg.multi_asset(
        specs=specs, name="raw_feeds", required_resource_keys={"workshop"}, pool=WAREHOUSE_POOL
    )
    def raw_feeds(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        """Load the newest good snapshots; ask the publishers first when the settings say so."""
        workshop: Workshop = context.resources.workshop
        with workshop.step("load the feeds"):
            reports = workshop.feeds = feeds.load_feeds(workshop.settings, progress=workshop.say)
            keep_companies(context.instance, feeds.list_companies(workshop.settings))
        described = describe_tables(workshop.settings)
        for report in reports:
            for problem in report.problems:
                context.log.warning(f"{report.feed}: {problem}")
            for key in tables[report.feed]:
                yield dg.MaterializeResult(
                    asset_key=key, metadata={**described[key], **_describe(report)}
                )
        for key in shared:
            yield dg.MaterializeResult(asset_key=key, metadata=described[key])

    return raw_feeds


def _describe(report: FeedReport) -> dict[str, Any]:
    return {
        "kind": report.kind,
        "fetched at": report.fetched_at.isoformat() if report.fetched_at else None,
        "records": report.accepted,
        "quarantined": report.quarantined,
        "problems": "; ".join(report.problems) or None,
    }
