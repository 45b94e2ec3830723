"""OpenRouter's daily rankings.

Judgements made here:
- `total_tokens` is prompt and completion together, counted by each provider's own tokenizer;
- the reply's `as_of` is the vintage of all its days; a sample without one has the time it was taken;
- the price list names a model without the day of its version (`deepseek/deepseek-v4-flash`, not
  `…-20260423`), and Anthropic's with the family first (`claude-opus-4.7`, not `claude-4.7-opus`):
  `model_id` is written as there;
- `other` is what is left of a day beside the fifty models; the rows of a day sum to the platform.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from sources.feeds.feed import Ask, Curated, Feed, Request
from sources.feeds.forms import Rule, Table, csv_form, json_form, read_json
from sources.feeds.snapshots import Snapshot

_MAX_DAYS = 366

RANKING = Table(
    name="ranking",
    columns={
        "ranked_on": "date",
        "model_permaslug": "varchar",
        "model_id": "varchar",
        "tokens": "bigint",
        "vintage_at": "timestamp",
    },
    key=("ranked_on", "model_permaslug"),
    required=("ranked_on", "model_permaslug", "tokens", "vintage_at"),
    rules=(
        Rule("negative", "tokens", "tokens >= 0", "no count is below nothing"),
        Rule("future", "ranked_on", "ranked_on <= cast(vintage_at as date)", "the day is to come"),
        Rule("past", "ranked_on", "ranked_on >= date '2025-01-01'", "the series begins in 2025"),
    ),
    keeps_vintages=True,
    is_one_series=True,
    measure="tokens",
    newest="max(vintage_at)",
    most_rows_per=("ranked_on", 51),
)

CURATED = {"maker": Curated("makers.yml", {"maker": "varchar", "org_id": "varchar"})}


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield one request for the days that are wanted, or one for each."""
    spans = [(day, day) for day in ask.days()] if ask.by_day else [(ask.first, ask.last)]
    for first, last in spans:
        if (last - first).days >= _MAX_DAYS:
            raise ValueError(f"{first} to {last}: at most {_MAX_DAYS} days a request")
        query = urlencode({"start_date": first.isoformat(), "end_date": last.isoformat()})
        yield Request(
            form="rankings",
            address=f"{feed.address}?{query}",
            # Every window is another part: one is unchanged when it is asked for again.
            partition="" if not ask.by_day else first.isoformat(),
            headers={"Authorization": f"Bearer {secrets['openrouter_key']}"},
        )


def _name_model(permaslug: str) -> str:
    """Return SQL for the name of a model in the price list."""
    undated = f"regexp_replace({permaslug}, '-(20\\d{{6}}|20\\d\\d-\\d\\d-\\d\\d)(:free)?$', '\\2')"
    family = "'^(anthropic/claude)-([0-9][0-9.]*)-([a-z]+)(:free)?$'"
    return f"regexp_replace({undated}, {family}, '\\1-\\3-\\2\\4')"


def _select_json(path: str, snapshot: Snapshot) -> str:
    return f"""
        select
            row_number() over () as record,
            cast(entry as varchar) as raw_text,
            entry ->> 'date' as ranked_on,
            entry ->> 'model_permaslug' as model_permaslug,
            {_name_model("(entry ->> 'model_permaslug')")} as model_id,
            entry ->> 'total_tokens' as tokens,
            vintage as vintage_at
        from (
            select unnest(cast(data as json[])) as entry, meta ->> 'as_of' as vintage
            from {read_json(path, data="json", meta="json")}
        )
    """


FORMS = (
    json_form("rankings", RANKING, lambda document: document["data"], _select_json),
    csv_form(
        "rankings_flat",
        RANKING,
        {"ranked_on": "date", "model_permaslug": "model_permaslug", "tokens": "total_tokens"},
        constants={
            "model_id": _name_model("line.model_permaslug"),
            # The day after the last one: what was recorded says no time.
            "vintage_at": "cast(cast(max(try_cast(line.date as date)) over () + 1 as timestamp) as varchar)",
        },
    ),
)
