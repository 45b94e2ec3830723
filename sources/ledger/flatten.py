"""From nested records to the flat tables of `raw_ledger`, in SQL, the same for every way in.

A `received_<kind>` relation holds `record_number` (unique, in the order of arrival), `file`, `line`
and `record`, a struct of the shape of the model. Its leaves may be text (YAML, JSON Lines) or typed
already (Parquet); the casts below take either. Text dates stay as written.
"""

from __future__ import annotations

from typing import NamedTuple

from sources.ledger import forms, models
from sources.ledger.forms import NumberForm
from sources.ledger.shapes import read_shape


def _text(value: str, name: str) -> str:
    return f"cast({value} as varchar) as {name}"


def _texts(value: str, name: str) -> str:
    return f"cast({value} as varchar[]) as {name}"


def _number(value: str, form: NumberForm, name: str) -> str:
    return f"try_cast({value} as {form.sql_type}) as {name}"


def _flag(value: str, default: bool, when: str, name: str) -> str:
    """A flag of a stated quantity: its default where left out, null where nothing is stated."""
    default_sql = str(default).lower()
    return (
        f"case when {when} is not null"
        f" then coalesce(try_cast({value} as boolean), {default_sql}) end as {name}"
    )


def _retold(item: str) -> str:
    return f"coalesce(try_cast({item}.retold as boolean), false) as is_retold"


def _quantity(item: str, form: NumberForm, prefix: str) -> str:
    return ", ".join(
        (
            _number(f"{item}.value", form, f"{prefix}_value"),
            _text(f"{item}.qualifier", f"{prefix}_qualifier"),
            _number(f"{item}.low", form, f"{prefix}_low"),
            _number(f"{item}.high", form, f"{prefix}_high"),
        )
    )


def _note(first: str, second: str, name: str) -> str:
    joined = f"concat_ws('; ', cast({first} as varchar), cast({second} as varchar))"
    return f"nullif({joined}, '') as {name}"


_ORIGIN = "file, coalesce(try_cast(item.line as integer), line) as line"

_EVENTS = """
    select
        record_number, file, line, cast(record.id as varchar) as deal_id,
        unnest(record.events) as item, generate_subscripts(record.events, 1) as event_seq
    from received_deal
"""


def _under_deal_and_events(field: str) -> str:
    """Rows of a list that may stand on the deal (event 0) or on an event."""
    return f"""
        select
            record_number, file, line, cast(record.id as varchar) as deal_id, 0 as event_seq,
            unnest(record.{field}) as item, generate_subscripts(record.{field}, 1) as item_seq
        from received_deal
        union all
        select
            record_number, file, coalesce(try_cast(item.line as integer), line) as line,
            deal_id, event_seq,
            unnest(item.{field}) as item, generate_subscripts(item.{field}, 1) as item_seq
        from ({_EVENTS})
    """


def _null_fields(model: type[models.LedgerModel], given: dict[str, str]) -> str:
    """A struct of the text fields of `model`, null where not given."""
    names = [field.name for field in read_shape(model).fields]
    return ", ".join(f"'{name}': {given.get(name, 'null::varchar')}" for name in names)


def read_number_or_mapping(value: str) -> str:
    """Return SQL that reads JSON, a plain number or a quantity, as the struct of a quantity."""
    fields = [field.name for field in read_shape(models.Capacity).fields]
    structure = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in fields) + "}"
    plain = _null_fields(models.Capacity, {"value": f"({value} ->> '$')", "qualifier": "'exact'"})
    return (
        f"(case json_type({value}) when 'OBJECT' then from_json({value}, '{structure}')"
        f" when 'NULL' then null else case when {value} is not null then {{{plain}}} end end)"
    )


class RawTable(NamedTuple):
    """A table of `raw_ledger` that is filled from the received records of a kind."""

    kind: str
    select: str


RAW_TABLES: dict[str, RawTable] = {
    "organization": RawTable(
        "organization",
        f"""
        select
            record_number,
            {_text("record.id", "org_id")},
            {_text("record.name", "name")},
            {_text("record.kind", "kind")},
            {_text("record.country", "country")},
            {_text("record.ticker", "ticker")},
            {_text("record.cik", "cik")},
            file, line
        from received_organization
        """,
    ),
    "document": RawTable(
        "document",
        f"""
        select
            record_number,
            {_text("record.id", "source_id")},
            {_text("record.publisher", "publisher")},
            {_text("record.title", "title")},
            {_text("record.url", "url")},
            {_text("record.locator", "locator")},
            {_text("record.published_on", "published_on")},
            {_text("record.tier", "tier")},
            {_text("record.read", "read")},
            {_text("record.reports_on", "reports_on")},
            {_text("record.note", "note")},
            file, line
        from received_document
        """,
    ),
    "deal": RawTable(
        "deal",
        f"""
        select
            record_number,
            {_text("record.id", "deal_id")},
            {_text("record.title", "title")},
            {_text("record.kind", "kind")},
            {_text("record.confidence", "confidence")},
            {_text("record.notes", "notes")},
            file, line
        from received_deal
        """,
    ),
    "deal_party": RawTable(
        "deal",
        f"""
        select
            record_number, deal_id, cast(party_seq as integer) as party_seq,
            {_text("item.org", "org_id")},
            {_text("item.role", "role")},
            {_number("item.share", forms.SHARE, "share")},
            {_text("item.known_on", "known_on")},
            {_text("item.note", "note")},
            {_ORIGIN}
        from (
            select
                record_number, file, line, cast(record.id as varchar) as deal_id,
                unnest(record.parties) as item,
                generate_subscripts(record.parties, 1) as party_seq
            from received_deal
        )
        """,
    ),
    "deal_event": RawTable(
        "deal",
        f"""
        select
            record_number, deal_id, cast(event_seq as integer) as event_seq,
            {_text("item.known_on", "known_on")},
            {_text("item.kind", "kind")},
            {_text("item.commitment", "commitment")},
            {_quantity("item.capacity_gw", forms.GIGAWATTS, "capacity")},
            case
                when item.capacity_gw is not null
                    then coalesce(cast(item.capacity_gw.basis as varchar), 'unspecified')
            end as capacity_basis,
            {_note("item.capacity_gw.note", "item.capacity_note", "capacity_note")},
            {_quantity("item.online_gw", forms.GIGAWATTS, "online")},
            case
                when item.online_gw is not null
                    then coalesce(cast(item.online_gw.basis as varchar), 'unspecified')
            end as online_basis,
            {_text("item.online_gw.note", "online_note")},
            {_quantity("item.value_usd", forms.US_DOLLARS, "usd")},
            {_flag("item.value_usd.cash", True, "item.value_usd", "usd_is_cash")},
            {_flag("item.value_usd.conditional", False, "item.value_usd", "usd_is_conditional")},
            {_flag("item.value_usd.is_estimate", False, "item.value_usd", "usd_is_estimate")},
            {_number("item.value_usd.original.amount", forms.AMOUNT, "original_amount")},
            {_text("item.value_usd.original.currency", "original_currency")},
            {_note("item.value_usd.note", "item.value_note", "usd_note")},
            (item.term.starts is not null or item.term.ends is not null or item.term.years is not null)
                as has_term,
            {_text("item.term.starts", "term_starts")},
            {_text("item.term.ends", "term_ends")},
            {_number("item.term.years", forms.YEARS, "term_years")},
            item.phases is not null as has_phases,
            item.links is not null as has_links,
            {_retold("item")},
            {_texts("item.sources", "source_ids")},
            {_ORIGIN}
        from ({_EVENTS})
        """,
    ),
    "deal_phase": RawTable(
        "deal",
        f"""
        select
            record_number, deal_id, cast(event_seq as integer) as event_seq,
            try_cast(item.seq as integer) as phase_seq,
            {_quantity("capacity", forms.GIGAWATTS, "capacity")},
            coalesce(cast(capacity.basis as varchar), cast(item.basis as varchar))
                as capacity_basis,
            {_text("item.starts", "starts")},
            {_text("item.ends", "ends")},
            {_text("item.online_on", "online_on")},
            {_note("capacity.note", "item.note", "note")},
            {_ORIGIN}
        from (
            select *, {read_number_or_mapping("item.capacity_gw")} as capacity
            from ({_under_deal_and_events("phases")})
        )
        """,
    ),
    "deal_link": RawTable(
        "deal",
        f"""
        select
            record_number, deal_id, cast(event_seq as integer) as event_seq,
            cast(item_seq as integer) as link_seq,
            {_text("item.to", "to_deal_id")},
            {_text("item.relation", "relation")},
            {_text("item.known_on", "known_on")},
            {_quantity("item.shared_gw", forms.GIGAWATTS, "shared_gw")},
            {_quantity("item.shared_usd", forms.US_DOLLARS, "shared_usd")},
            {_text("item.note", "note")},
            {_ORIGIN}
        from ({_under_deal_and_events("links")})
        """,
    ),
    "claim": RawTable(
        "claim",
        f"""
        select
            record_number,
            {_text("record.id", "claim_id")},
            {_text("record.title", "title")},
            {_text("record.said_by", "said_by")},
            {_text("record.known_on", "known_on")},
            {_text("record.measure", "measure")},
            {_quantity("record.claimed", forms.FIGURE, "claimed")},
            {_text("record.unit", "unit")},
            {_text("record.org", "org_id")},
            {_text('record.span."from"', "span_from")},
            {_text('record.span."to"', "span_to")},
            {_retold("record")},
            {_texts("record.sources", "source_ids")},
            coalesce(cast(record.disputed_by as varchar[]), []) as disputed_by,
            {_text("record.confidence", "confidence")},
            {_text("record.notes", "notes")},
            file, line
        from received_claim
        """,
    ),
    "assumption": RawTable(
        "assumption",
        f"""
        select
            record_number,
            {_text("record.id", "assumption_id")},
            {_text("record.topic", "topic")},
            {_text("record.metric", "metric")},
            {_text("record.org", "org_id")},
            {_number("record.value", forms.FIGURE, "value")},
            {_number("record.low", forms.FIGURE, "low")},
            {_number("record.high", forms.FIGURE, "high")},
            {_text("record.unit", "unit")},
            {_text("record.as_of", "as_of")},
            {_text("record.known_on", "known_on")},
            {_text("record.basis", "basis")},
            {_retold("record")},
            {_texts("record.sources", "source_ids")},
            {_text("record.confidence", "confidence")},
            {_text("record.notes", "notes")},
            file, line
        from received_assumption
        """,
    ),
    "scenario": RawTable(
        "scenario",
        " union all ".join(
            f"""
        select
            record_number,
            {_text("record.metric", "metric")},
            {_text("record.unit", "unit")},
            '{name}' as scenario,
            {_text(f"record.{name}.assumption", "assumption_id")},
            {_text(f"record.{name}.take", "take")},
            {_text(f"record.{name}.transform", "transform")},
            {_number(f"record.{name}.tokens_per_prompt", forms.PROMPT_TOKENS, "tokens_per_prompt")},
            {_text("record.notes", "notes")},
            file, line
        from received_scenario
        """
            for name in ("low", "base", "high")
        ),
    ),
    "token_observation": RawTable(
        "token_observation",
        f"""
        select
            record_number,
            {_text("record.id", "observation_id")},
            {_text("record.org", "org_id")},
            {_text("record.scope", "scope")},
            {_text("record.measure", "measure")},
            {_text("record.level", "level")},
            {_text("record.period.kind", "period_kind")},
            {_text('record.period."of"', "period_of")},
            {_text('record.period."to"', "period_to")},
            {_quantity("record.tokens", forms.TOKENS, "tokens")},
            {_text("record.basis", "basis")},
            {_text("record.known_on", "known_on")},
            {_retold("record")},
            {_texts("record.sources", "source_ids")},
            {_text("record.confidence", "confidence")},
            {_text("record.notes", "notes")},
            file, line
        from received_token_observation
        """,
    ),
    "capex": RawTable(
        "capex",
        f"""
        select
            record_number,
            {_text("record.id", "capex_id")},
            {_text("record.org", "org_id")},
            {_text("record.kind", "kind")},
            {_text("record.metric", "metric")},
            {_text("record.period_end", "period_end")},
            {_text("record.calendar_quarter", "calendar_quarter")},
            {_text("record.calendar_span", "calendar_span")},
            {_text("record.fiscal_quarter", "fiscal_quarter")},
            {_text("record.for_period", "for_period")},
            {_text("record.known_on", "known_on")},
            {_quantity("record.amount_usd", forms.US_DOLLARS, "amount")},
            {_text("record.basis", "basis")},
            {_retold("record")},
            {_texts("record.sources", "source_ids")},
            {_text("record.confidence", "confidence")},
            {_text("record.notes", "notes")},
            file, line
        from received_capex
        """,
    ),
}
