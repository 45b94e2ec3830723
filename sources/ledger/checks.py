"""What must hold between the fields of a record, and between records: each rule stated once.

The form of single values is in `forms.py` and `models.py`. The rules here are SQL over the tables
of `raw_ledger`, so that they serve YAML and bulk alike. They run in stages: a record refused in
one stage is gone before the next, and takes with it what depends on it.

1. fields of one record    2. ids given twice    3. organisations and documents
4. scenarios, which rest on assumptions    5. links, which rest on deals    6. what is only odd

What is odd because it does not fit other figures, words or documents is in `plausibility.py`.
"""

from __future__ import annotations

from sources.ledger.rules import WARN, Rule

# No chain of part_of links may be longer: the netting is unrolled to this depth.
MAX_PART_OF_DEPTH = 4

# A longer chain of these is a circle or a slip: it bounds the search for circles.
MAX_CHAIN = 12

# Ids that the marts give to what is no organisation of the ledger.
RESERVED_ORGANIZATIONS = ("all", "undisclosed")

_KEYS = {
    "organization": "org_id",
    "document": "source_id",
    "deal": "deal_id",
    "claim": "claim_id",
    "assumption": "assumption_id",
    "token_observation": "observation_id",
    "capex": "capex_id",
}


def _rows(table: str, key: str) -> str:
    return f"select *, {key} as record_id from raw_ledger.{table}"


_ORGANIZATION = _rows("organization", "org_id")
_PARTY = _rows("deal_party", "deal_id")
_EVENT = _rows("deal_event", "deal_id")
_PHASE = _rows("deal_phase", "deal_id")
_LINK = _rows("deal_link", "deal_id")
_CLAIM = _rows("claim", "claim_id")
_ASSUMPTION = _rows("assumption", "assumption_id")
_TOKENS = _rows("token_observation", "observation_id")
_CAPEX = _rows("capex", "capex_id")
_DOCUMENT = _rows("document", "source_id")

_EVENT_FIELD = "'events[' || (event_seq - 1) || ']'"
_PHASE_FIELD = "'phase ' || phase_seq"


def _quantity_rules(
    kind: str, relation: str, prefix: str, field: str, *, unless: str = "false"
) -> list[Rule]:
    """The rules of a quantity whose columns begin with `prefix`.

    `unless` is true where another rule tells why there is no figure.
    """
    value, qualifier, low, high = (
        f"{prefix}_{name}" for name in ("value", "qualifier", "low", "high")
    )
    bounds = f"{low} || ' to ' || {high}"
    return [
        Rule(
            name="quantity_without_figure",
            record_kind=kind,
            relation=relation,
            breaks=f"{qualifier} <> 'range' and {value} is null and not ({unless})",
            field=field,
            found=qualifier,
            message="found the qualifier {found} without a value; only a range may lack one",
            remedy="give the value, or say it in a note if no document states a figure",
        ),
        Rule(
            name="range_without_bounds",
            record_kind=kind,
            relation=relation,
            breaks=f"{qualifier} = 'range' and ({low} is null or {high} is null)",
            field=field,
            message="a range needs low and high",
            remedy="give both, or use about, up_to or at_least with a value",
        ),
        Rule(
            name="half_a_range",
            record_kind=kind,
            relation=relation,
            breaks=f"{qualifier} <> 'range' and ({low} is null) <> ({high} is null)",
            field=field,
            message="one of low and high stands alone",
            remedy="give both or neither",
        ),
        Rule(
            name="bounds_reversed",
            record_kind=kind,
            relation=relation,
            breaks=f"{low} > {high}",
            field=field,
            found=bounds,
            message="low is above high: {found}",
            remedy="swap them",
        ),
        Rule(
            name="value_outside_bounds",
            record_kind=kind,
            relation=relation,
            breaks=f"{low} <= {high} and {value} not between {low} and {high}",
            field=field,
            found=f"{value} || ' beside ' || {bounds}",
            message="the value lies outside its bounds: {found}",
            remedy="correct the value or the bounds",
        ),
    ]


def _period_rule(kind: str, relation: str, starts: str, ends: str, field: str) -> Rule:
    return Rule(
        name="period_reversed",
        record_kind=kind,
        relation=relation,
        breaks=f"ledger_last_day({ends}) < ledger_first_day({starts})",
        field=field,
        found=f"{starts} || ' to ' || {ends}",
        message="ends before it starts: {found}",
        remedy="swap or correct the two",
    )


_EVENT_ORDER = """
    select *, deal_id as record_id, lag(known_on) over earlier as before_known_on
    from raw_ledger.deal_event
    window earlier as (partition by record_number order by event_seq)
"""

_REPEATED_PHASE = """
    select
        record_number, deal_id as record_id, any_value(file) as file, max(line) as line,
        phase_seq, count(*) as times
    from raw_ledger.deal_phase
    group by record_number, deal_id, event_seq, phase_seq
    having count(*) > 1
"""

_REPEATED_PARTY = """
    select
        record_number, deal_id as record_id, any_value(file) as file, max(line) as line,
        org_id, role
    from raw_ledger.deal_party
    group by record_number, deal_id, org_id, role
    having count(*) > 1
"""

_REPEATED_LINK = """
    select
        record_number, deal_id as record_id, any_value(file) as file, max(line) as line,
        to_deal_id,
        count(*) filter (where relation in ('part_of', 'overlaps')) as inside_count,
        count(*) - count(distinct relation) as repeated_count
    from raw_ledger.deal_link
    group by record_number, deal_id, event_seq, to_deal_id
    having count(*) > 1
"""


def _known_in_future(kind: str, relation: str, field: str) -> Rule:
    return Rule(
        name="known_in_the_future",
        record_kind=kind,
        relation=relation,
        breaks="ledger_first_day(known_on) > getvariable('ledger_latest_day')",
        field=field,
        found="known_on",
        message="found {found}, a day that has not come yet",
        remedy="give the day on which it became public",
    )


_SHARES = """
    select
        record_number, deal_id as record_id, any_value(file) as file,
        max(line) filter (where share is not null) as line, role, sum(share) as total
    from raw_ledger.deal_party
    group by record_number, deal_id, role
"""

RECORD_RULES: list[Rule] = [
    _known_in_future("deal", _EVENT, f"{_EVENT_FIELD} || '.known_on'"),
    _known_in_future("deal", _PARTY, "'parties[' || (party_seq - 1) || '].known_on'"),
    _known_in_future("deal", _LINK, "'links.known_on'"),
    _known_in_future("claim", _CLAIM, "'known_on'"),
    _known_in_future("assumption", _ASSUMPTION, "'known_on'"),
    _known_in_future("token_observation", _TOKENS, "'known_on'"),
    _known_in_future("capex", _CAPEX, "'known_on'"),
    Rule(
        name="reserved_id",
        record_kind="organization",
        relation=_ORGANIZATION,
        breaks=f"org_id in {RESERVED_ORGANIZATIONS}",
        field="'id'",
        found="org_id",
        message="the id {found} stands for a total or a gap in the tables that are published",
        remedy="give the organisation another id, as its name",
    ),
    Rule(
        name="events_out_of_order",
        record_kind="deal",
        relation=_EVENT_ORDER,
        breaks="ledger_last_day(known_on) < ledger_first_day(before_known_on)",
        field=f"{_EVENT_FIELD} || '.known_on'",
        found="known_on || ' after ' || before_known_on",
        message="the events are not oldest first: {found}",
        remedy="put the events in the order of known_on",
    ),
    Rule(
        name="cancelled_event",
        record_kind="deal",
        relation=_EVENT_ORDER,
        breaks="kind = 'cancelled' and commitment <> 'cancelled'",
        field=f"{_EVENT_FIELD} || '.commitment'",
        found="commitment",
        message="a cancelled event leaves the commitment {found}",
        remedy="write commitment: cancelled, or another kind of event",
    ),
    _period_rule("deal", _EVENT_ORDER, "term_starts", "term_ends", f"{_EVENT_FIELD} || '.term'"),
    *_quantity_rules("deal", _EVENT_ORDER, "capacity", f"{_EVENT_FIELD} || '.capacity_gw'"),
    *_quantity_rules("deal", _EVENT_ORDER, "online", f"{_EVENT_FIELD} || '.online_gw'"),
    *_quantity_rules(
        "deal",
        _EVENT_ORDER,
        "usd",
        f"{_EVENT_FIELD} || '.value_usd'",
        unless="original_amount is not null",
    ),
    Rule(
        name="missing_exchange_rate",
        record_kind="deal",
        relation=_EVENT_ORDER,
        breaks="original_currency <> 'USD' and (coalesce(usd_value, usd_low, usd_high) is null"
        " or usd_value = original_amount and usd_value > 0)",
        field=f"{_EVENT_FIELD} || '.value_usd'",
        found="original_currency || ' ' || original_amount",
        message="{found} is not turned into dollars",
        remedy="give value in dollars at the rate of the announcement day, and keep original",
    ),
    *_quantity_rules("deal", _PHASE, "capacity", f"{_PHASE_FIELD} || '.capacity_gw'"),
    _period_rule("deal", _PHASE, "starts", "ends", _PHASE_FIELD),
    *_quantity_rules("deal", _LINK, "shared_gw", "'links.shared_gw'"),
    *_quantity_rules("deal", _LINK, "shared_usd", "'links.shared_usd'"),
    Rule(
        name="phase_twice",
        record_kind="deal",
        relation=_REPEATED_PHASE,
        breaks="true",
        field="'phases'",
        found="phase_seq",
        message="the phase {found} stands twice in one list",
        remedy="give each phase of a list its own seq",
    ),
    Rule(
        name="party_twice",
        record_kind="deal",
        relation=_REPEATED_PARTY,
        breaks="true",
        field="'parties'",
        found="org_id || ' as ' || role",
        message="the party {found} stands twice",
        remedy="delete one of the two",
    ),
    Rule(
        name="shares_above_one",
        record_kind="deal",
        relation=_SHARES,
        breaks="total > 1.0001",
        field="'parties.share'",
        found="role || ' ' || total",
        message="the shares of one role add up to more than 1: {found}",
        remedy="correct the shares; what they leave of 1 is undisclosed",
    ),
    Rule(
        name="part_of_and_overlaps",
        record_kind="deal",
        relation=_REPEATED_LINK,
        breaks="inside_count > 1",
        field="'links'",
        found="to_deal_id",
        message="{found} is linked more than once by part_of or overlaps: it would be netted twice",
        remedy="keep part_of if all of it lies inside the other deal, else overlaps",
    ),
    Rule(
        name="link_twice",
        record_kind="deal",
        relation=_REPEATED_LINK,
        breaks="repeated_count > 0 and inside_count < 2",
        field="'links'",
        found="to_deal_id",
        message="the same link to {found} stands twice in one list",
        remedy="delete one of the two",
    ),
    *_quantity_rules("claim", _CLAIM, "claimed", "'claimed'"),
    _period_rule("claim", _CLAIM, "span_from", "span_to", "'span'"),
    Rule(
        name="bounds_reversed",
        record_kind="assumption",
        relation=_ASSUMPTION,
        breaks="low > high",
        field="'low'",
        found="low || ' to ' || high",
        message="low is above high: {found}",
        remedy="swap them",
    ),
    Rule(
        name="value_outside_bounds",
        record_kind="assumption",
        relation=_ASSUMPTION,
        breaks="value < low or value > high",
        field="'value'",
        found="value",
        message="the value {found} lies outside its bounds",
        remedy="correct the value or the bounds",
    ),
    Rule(
        name="assumption_without_document",
        record_kind="assumption",
        relation=_ASSUMPTION,
        breaks="len(source_ids) = 0 and basis <> 'model input'",
        field="'sources'",
        found="basis",
        message="a figure of the basis {found} cites no document",
        remedy="cite the document, or say that it is chosen: basis: model input",
    ),
    *_quantity_rules("token_observation", _TOKENS, "tokens", "'tokens'"),
    Rule(
        name="cumulative_period",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="(period_kind = 'cumulative') <> (period_to is not null)",
        field="'period'",
        found="period_kind",
        message="found the period {found}; `to` is needed by cumulative and by no other kind",
        remedy="give `to` for a cumulative count, leave it out otherwise",
    ),
    _period_rule("token_observation", _TOKENS, "period_of", "period_to", "'period'"),
    *_quantity_rules("capex", _CAPEX, "amount", "'amount_usd'"),
    Rule(
        name="guidance_without_period",
        record_kind="capex",
        relation=_CAPEX,
        breaks="kind = 'capex_guidance' and (for_period is null or known_on is null)",
        field="'for_period'",
        message="guidance needs for_period and known_on",
        remedy="say which period it is for and on which day it was given",
    ),
    Rule(
        name="actual_without_period",
        record_kind="capex",
        relation=_CAPEX,
        breaks="kind <> 'capex_guidance' and period_end is null",
        field="'period_end'",
        found="kind",
        message="a row of the kind {found} needs period_end",
        remedy="give the last day of the period",
    ),
]


def _duplicate_rule(kind: str, table: str, key: str) -> Rule:
    return Rule(
        name="duplicate_id",
        record_kind=kind,
        relation=f"""
            select later.record_number, later.{key} as record_id, later.file, later.line,
                first.file || ':' || first.line as first_place
            from raw_ledger.{table} as later
            inner join (
                select {key}, min(record_number) as record_number
                from raw_ledger.{table}
                group by {key}
                having count(distinct record_number) > 1
            ) as kept on later.{key} = kept.{key}
            inner join raw_ledger.{table} as first
                on kept.record_number = first.record_number
            where later.record_number > kept.record_number
        """,
        breaks="true",
        field=f"'{'metric' if kind == 'scenario' else 'id'}'",
        found="first_place",
        message="the id is taken already, in {found}",
        remedy="keep one of the two records, or give this one another id",
    )


_NORMAL_URL = "rtrim(regexp_replace(lower(url), '^https?://(www\\.)?', ''), '/')"

DUPLICATE_RULES: list[Rule] = [
    *(_duplicate_rule(kind, kind, key) for kind, key in _KEYS.items()),
    Rule(
        name="duplicate_id",
        record_kind="scenario",
        relation="""
            select later.record_number, later.metric as record_id, later.file, later.line,
                kept.place as first_place
            from raw_ledger.scenario as later
            inner join (
                select
                    metric, min(record_number) as record_number,
                    arg_min(file || ':' || line, record_number) as place
                from raw_ledger.scenario
                group by metric
                having count(distinct record_number) > 1
            ) as kept on later.metric = kept.metric
            where later.record_number > kept.record_number and later.scenario = 'base'
        """,
        breaks="true",
        field="'metric'",
        found="first_place",
        message="the metric has its scenarios already, in {found}",
        remedy="keep one of the two records",
    ),
    Rule(
        name="document_described_twice",
        record_kind="document",
        relation=f"""
            select later.record_number, later.source_id as record_id, later.file, later.line,
                kept.source_id || ', in ' || kept.place as first_id
            from raw_ledger.document as later
            inner join (
                select
                    {_NORMAL_URL} as address, min(record_number) as record_number,
                    arg_min(source_id, record_number) as source_id,
                    arg_min(file || ':' || line, record_number) as place
                from raw_ledger.document
                where url is not null
                group by address
                having count(distinct source_id) > 1
            ) as kept on {_NORMAL_URL.replace("url", "later.url")} = kept.address
            where later.source_id <> kept.source_id
        """,
        breaks="true",
        field="'url'",
        found="first_id",
        message="the same address is described already, as {found}",
        remedy="delete this description and cite the first one",
    ),
]


def _unknown_organization(kind: str, relation: str, column: str, field: str) -> Rule:
    return Rule(
        name="unknown_organization",
        record_kind=kind,
        relation=f"""
            select citing.* from ({relation}) as citing
            anti join raw_ledger.organization as known on citing.{column} = known.org_id
            where citing.{column} is not null
        """,
        breaks="true",
        field=field,
        found=column,
        message="the organisation {found} is not in the ledger, or was refused",
        remedy="correct the id, or add organizations/<id>.yml",
    )


def _unknown_document(kind: str, relation: str, column: str, field: str) -> Rule:
    return Rule(
        name="unknown_document",
        record_kind=kind,
        relation=f"""
            select citing.*
            from (
                select record_number, record_id, file, line, field, unnest({column}) as source_id
                from (select *, {field} as field from ({relation}))
            ) as citing
            anti join raw_ledger.document as known on citing.source_id = known.source_id
        """,
        breaks="true",
        field="field",
        found="source_id",
        message="the document {found} is not described in the ledger, or was refused",
        remedy="correct the id, or describe it under documents: at the foot of the file",
    )


REFERENCE_RULES: list[Rule] = [
    _unknown_organization("deal", _PARTY, "org_id", "'parties[' || (party_seq - 1) || '].org'"),
    _unknown_organization("claim", _CLAIM, "said_by", "'said_by'"),
    _unknown_organization("claim", _CLAIM, "org_id", "'org'"),
    _unknown_organization("assumption", _ASSUMPTION, "org_id", "'org'"),
    _unknown_organization("token_observation", _TOKENS, "org_id", "'org'"),
    _unknown_organization("capex", _CAPEX, "org_id", "'org'"),
    _unknown_document("deal", _EVENT, "source_ids", f"{_EVENT_FIELD} || '.sources'"),
    _unknown_document("claim", _CLAIM, "source_ids", "'sources'"),
    _unknown_document("claim", _CLAIM, "disputed_by", "'disputed_by'"),
    _unknown_document("assumption", _ASSUMPTION, "source_ids", "'sources'"),
    _unknown_document("token_observation", _TOKENS, "source_ids", "'sources'"),
    _unknown_document("capex", _CAPEX, "source_ids", "'sources'"),
]

_SCENARIO_INPUT = """
    select chosen.*, chosen.metric as record_id, known.assumption_id is not null as is_known,
        case chosen.take when 'low' then known.low when 'high' then known.high else known.value end
            as taken
    from raw_ledger.scenario as chosen
    left join raw_ledger.assumption as known on chosen.assumption_id = known.assumption_id
"""

SCENARIO_RULES: list[Rule] = [
    Rule(
        name="unknown_assumption",
        record_kind="scenario",
        relation=_SCENARIO_INPUT,
        breaks="not is_known",
        field="scenario || '.assumption'",
        found="assumption_id",
        message="the assumption {found} is not in the ledger, or was refused",
        remedy="correct the id, or add the assumption under assumptions/",
    ),
    Rule(
        name="assumption_without_bound",
        record_kind="scenario",
        relation=_SCENARIO_INPUT,
        breaks="is_known and taken is null",
        field="scenario || '.take'",
        found="assumption_id || '.' || take",
        message="{found} is not stated",
        remedy="take the value, or state the bound in the assumption",
    ),
    Rule(
        name="prompt_without_tokens",
        record_kind="scenario",
        relation=_SCENARIO_INPUT,
        breaks="coalesce(transform = 'watt_hours_a_prompt', false)"
        " <> (tokens_per_prompt is not null)",
        field="scenario || '.tokens_per_prompt'",
        message="tokens_per_prompt is needed by watt_hours_a_prompt and by nothing else",
        remedy="say how many tokens a prompt is taken to have, or leave it out",
    ),
]

# A link is told apart within its deal by the list that it stands in and its place there.
LINKS_PER_LIST = 1_000_000
LINK_NUMBER = f"(event_seq * {LINKS_PER_LIST} + link_seq)"
_LINK_FIELD = (
    "case when event_seq > 0 then 'events[' || (event_seq - 1) || '].' else '' end"
    " || 'links[' || (link_seq - 1) || '].to'"
)


def _link_rule(name: str, relation: str, message: str, remedy: str, found: str) -> Rule:
    return Rule(
        name=name,
        record_kind="deal_link",
        relation=relation,
        breaks="true",
        field=_LINK_FIELD,
        found=found,
        message=message,
        remedy=remedy,
        part_number=LINK_NUMBER,
    )


def _walk_rules(
    relation: str, longest: int, *, cycle_remedy: str, depth_remedy: str
) -> list[list[Rule]]:
    """Refuse the links of a relation that lead back to their deal, or follow in too long a chain.

    The walk takes one step more than may be, and stops there whatever it meets.
    """
    walk = f"""
        with recursive edge as (
            select distinct deal_id, to_deal_id
            from raw_ledger.deal_link
            where relation = '{relation}'
        ),
        walk as (
            select deal_id, to_deal_id as first_id, to_deal_id as reached_id, 1 as steps from edge
            union
            select walk.deal_id, walk.first_id, edge.to_deal_id, walk.steps + 1
            from walk
            inner join edge on walk.reached_id = edge.deal_id
            where walk.steps <= {longest} and walk.reached_id <> walk.deal_id
        )
        select link.*, link.deal_id as record_id
        from ({_LINK}) as link
        semi join (select * from walk where __BREAKS__) as broken
            on link.deal_id = broken.deal_id and link.to_deal_id = broken.first_id
        where link.relation = '{relation}'
    """
    return [
        [
            _link_rule(
                f"{relation}_cycle",
                walk.replace("__BREAKS__", "reached_id = deal_id"),
                f"following {relation} from {{found}} leads back to this deal",
                cycle_remedy,
                "to_deal_id",
            )
        ],
        [
            _link_rule(
                f"{relation}_too_deep",
                walk.replace("__BREAKS__", f"steps > {longest}"),
                f"more than {longest} {relation} links follow one another from here",
                depth_remedy,
                "to_deal_id",
            )
        ],
    ]


# The days on which a list of links holds: until the deal states another.
_LINK_DAYS = """
    select link.*, ledger_last_day(first.known_on) as from_day,
        ledger_last_day(list.next_known_on) as until_day
    from raw_ledger.deal_link as link
    inner join raw_ledger.deal_event as first
        on link.record_number = first.record_number
        and greatest(link.event_seq, 1) = first.event_seq
    inner join (
        select record_number, event_seq, lead(known_on) over following as next_known_on
        from (
            select record_number, event_seq, known_on from raw_ledger.deal_event where has_links
            union all
            select distinct record_number, event_seq, null from raw_ledger.deal_link
            where event_seq = 0
        )
        window following as (partition by record_number order by event_seq)
    ) as list on link.record_number = list.record_number and link.event_seq = list.event_seq
"""

_OVERLAP_OF_PARTS = f"""
    select overlap.*, overlap.deal_id as record_id
    from ({_LINK_DAYS}) as overlap
    semi join ({_LINK_DAYS}) as part
        on overlap.deal_id = part.to_deal_id
        and overlap.to_deal_id = part.deal_id
        and part.relation = 'part_of'
        and (part.until_day is null or overlap.from_day < part.until_day)
        and (overlap.until_day is null or part.from_day < overlap.until_day)
    where overlap.relation = 'overlaps'
"""

LINK_RULES: list[list[Rule]] = [
    [
        _link_rule(
            "link_to_itself",
            f"select * from ({_LINK}) where deal_id = to_deal_id",
            "the deal links to itself",
            "give the id of the other deal, or delete the link",
            "to_deal_id",
        ),
        _link_rule(
            "link_to_nowhere",
            f"""
            select link.* from ({_LINK}) as link
            anti join raw_ledger.deal as known on link.to_deal_id = known.deal_id
            """,
            "the deal {found} is not in the ledger, or was refused",
            "correct the id, or mend the other deal",
            "to_deal_id",
        ),
    ],
    *_walk_rules(
        "part_of",
        MAX_PART_OF_DEPTH,
        cycle_remedy="keep the links from the part to the whole, delete those the other way",
        depth_remedy="link to a deal nearer to the whole",
    ),
    *_walk_rules(
        "supersedes",
        MAX_CHAIN,
        cycle_remedy="keep the link of the deal that came later, delete the one the other way",
        depth_remedy="break the circle that they lead into, or keep the later deals only",
    ),
    *_walk_rules(
        "supplies",
        MAX_CHAIN,
        cycle_remedy="keep the link of the deal whose goods serve the other, delete the other way",
        depth_remedy="break the circle that they lead into, or link to the deal that is served",
    ),
    [
        _link_rule(
            "part_of_and_overlaps",
            _OVERLAP_OF_PARTS,
            "{found} lies inside this deal by its own link: it would be netted twice",
            "keep part_of if all of it lies inside the other deal, else overlaps",
            "to_deal_id",
        ),
    ],
]

# The headline that the phases of a list are parts of: the last one stated up to that event.
_PHASE_TOTAL = """
    select phase.record_number, phase.deal_id as record_id, phase.file, phase.line,
        phase.event_seq, phase.total, headline.value
    from (
        select
            record_number, deal_id, event_seq, any_value(file) as file, min(line) as line,
            sum(coalesce(capacity_value, (capacity_low + capacity_high) / 2)) as total
        from raw_ledger.deal_phase
        group by record_number, deal_id, event_seq
    ) as phase
    inner join (
        select
            list.record_number, list.event_seq,
            arg_max(coalesce(event.capacity_high, event.capacity_value), event.event_seq) as value
        from (select distinct record_number, event_seq from raw_ledger.deal_phase) as list
        inner join raw_ledger.deal_event as event
            on list.record_number = event.record_number
            and event.event_seq <= greatest(list.event_seq, 1)
        where event.capacity_qualifier is not null
        group by list.record_number, list.event_seq
    ) as headline
        on phase.record_number = headline.record_number and phase.event_seq = headline.event_seq
"""

WARNING_RULES: list[Rule] = [
    Rule(
        name="phases_above_headline",
        record_kind="deal",
        relation=_PHASE_TOTAL,
        breaks="total > value * 1.02",
        field="case when event_seq > 0 then 'events[' || (event_seq - 1) || '].phases'"
        " else 'phases' end",
        found="cast(total as double) || ' GW beside ' || cast(value as double) || ' GW'",
        message="the phases add up to more than the headline: {found}",
        remedy="give each phase its own part, not the cumulative figure",
        severity=WARN,
    ),
    Rule(
        name="events_known_out_of_order",
        record_kind="deal",
        relation=_EVENT_ORDER,
        breaks="ledger_last_day(known_on) < ledger_last_day(before_known_on)",
        field=f"{_EVENT_FIELD} || '.known_on'",
        found="known_on || ' after ' || before_known_on",
        message="counts as known before the event above it: {found}",
        remedy="a month counts as its last day: narrow the day, or swap the events",
        severity=WARN,
    ),
    Rule(
        name="published_in_the_future",
        record_kind="document",
        relation=_DOCUMENT,
        breaks="ledger_first_day(published_on) > getvariable('ledger_latest_day')",
        field="'published_on'",
        found="published_on",
        message="found {found}, a day that has not come yet",
        remedy="give the day of publication",
        severity=WARN,
    ),
]
