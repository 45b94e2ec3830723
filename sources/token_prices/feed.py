"""List prices of tokens.

Judgements made here:
- prices are in dollars per million tokens; OpenRouter's list states them per token;
- a price without a day holds from the first day of its list on, until another is dated;
- a price below nothing stands for one that varies (a model that picks another): it is refused;
- a price that changed several times on a day has its changes numbered; the last one holds;
- of tiered prices the first tier is kept and `is_tiered` says so;
- every vintage is kept: the publishers give no history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sources.feeds.feed import Ask, Feed, Request
from sources.feeds.forms import Rule, Table, csv_form, json_form, read_json
from sources.feeds.snapshots import Snapshot

_VARIES = "the price varies: there is no list price"
_PRICE = "decimal(18, 9)"

PRICE = Table(
    name="price",
    columns={
        "listing": "varchar",
        "provider": "varchar",
        "model_id": "varchar",
        "from_day": "date",
        "change_number": "integer",
        "listed_until": "date",
        "input_usd_per_mtok": _PRICE,
        "output_usd_per_mtok": _PRICE,
        "cache_read_usd_per_mtok": _PRICE,
        "is_tiered": "boolean",
    },
    key=("provider", "model_id", "from_day", "change_number"),
    required=("listing", "provider", "model_id", "change_number"),
    rules=(
        Rule("negative", "input_usd_per_mtok", "input_usd_per_mtok >= 0", _VARIES),
        Rule("negative", "output_usd_per_mtok", "output_usd_per_mtok >= 0", _VARIES),
        Rule(
            "far_off",
            "input_usd_per_mtok",
            "input_usd_per_mtok < 10000",
            "no million tokens costs so much: is it per token, or in another currency",
        ),
    ),
    keeps_vintages=True,
    measure="nullif(input_usd_per_mtok, 0)",
    newest="max(from_day)",
)


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield the one request for today's prices."""
    yield Request(form="models", address=feed.address, partition="models")


def _count_points(document: Any) -> list[Any]:
    return [point for model in document["models"].values() for point in model["points"]]


def _select_change_points(path: str, snapshot: Snapshot) -> str:
    return f"""
        select
            row_number() over () as record,
            json_object('model', model_id, 'point', point) as raw_text,
            'changes' as listing,
            'openrouter' as provider,
            model_id,
            point ->> 0 as from_day,
            cast(change_number as varchar) as change_number,
            entry ->> 'last_seen' as listed_until,
            point ->> 1 as input_usd_per_mtok,
            point ->> 2 as output_usd_per_mtok,
            null as cache_read_usd_per_mtok,
            'false' as is_tiered
        from (
            select
                model_id,
                entry,
                unnest(cast(entry -> 'points' as json[])) as point,
                generate_subscripts(cast(entry -> 'points' as json[]), 1) as change_number
            from (
                select unnest(map_keys(models)) as model_id, unnest(map_values(models)) as entry
                from {read_json(path, models="map(varchar, json)")}
            )
        )
    """


def _select_models(path: str, snapshot: Snapshot) -> str:
    day = snapshot.fetched_at.date().isoformat()

    def per_million(name: str) -> str:
        told = f"entry -> 'pricing' ->> '{name}'"
        # What is no number stays as it was told, and is refused for it.
        return f"coalesce(cast(try_cast({told} as decimal(20, 12)) * 1000000 as varchar), {told})"

    return f"""
        select
            row_number() over () as record,
            cast(entry as varchar) as raw_text,
            'models' as listing,
            'openrouter' as provider,
            entry ->> 'id' as model_id,
            '{day}' as from_day,
            '1' as change_number,
            '{day}' as listed_until,
            {per_million("prompt")} as input_usd_per_mtok,
            {per_million("completion")} as output_usd_per_mtok,
            {per_million("input_cache_read")} as cache_read_usd_per_mtok,
            'false' as is_tiered
        from (
            select unnest(cast(data as json[])) as entry
            from {read_json(path, data="json")}
        )
    """


FORMS = (
    json_form("models", PRICE, lambda document: document["data"], _select_models),
    json_form("change_points", PRICE, _count_points, _select_change_points),
    csv_form(
        "list",
        PRICE,
        {
            "provider": "provider",
            "model_id": "model",
            "from_day": "from_date",
            "input_usd_per_mtok": "input_usd_per_mtok",
            "output_usd_per_mtok": "output_usd_per_mtok",
            "cache_read_usd_per_mtok": "cache_read_usd_per_mtok",
            "is_tiered": "tiered",
        },
        constants={"listing": "'list'", "change_number": "'1'", "listed_until": "null"},
    ),
)
