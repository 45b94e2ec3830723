"""What is likely a slip, though its form is right: a unit, a side, a day, a deal told twice.

Each rule holds a record against its own words, against the documents that it cites, or against the
rest of the ledger. It may be wrong, so it warns and leaves the record where it is; what cannot be
right is refused in `checks.py`. The rules are SQL over the tables of `raw_ledger`, one scan a
relation; comparisons between records go to neighbours in an order, never to every other record.
"""

from __future__ import annotations

from sources.ledger.rules import WARN, Rule
from sources.ledger.vocabulary import DealKind, Unit

# Gigawatts and dollars of one deal: below and above, a unit was mistaken more likely than not.
_LEAST_GW = 0.008
_LEAST_USD = 60e6
_MOST_GW = {DealKind.EXPANSION_PLAN: 45, DealKind.JOINT_VENTURE: 20}
_MOST_GW_OTHERWISE = 16
_MOST_USD = {
    DealKind.EXPANSION_PLAN: 10e12,
    DealKind.CLOUD_SERVICES: 600e9,
    DealKind.COMPUTE_SUPPLY: 600e9,
    DealKind.DATACENTER_LEASE: 600e9,
    DealKind.POWER_SUPPLY: 100e9,
}
_MOST_USD_OTHERWISE = 320e9

# All that is paid for a gigawatt, from a year of power to ten years of cloud services.
_USD_PER_GW = (0.6e9, 600e9)

# A figure of another size by three digits, with room for rounding and the middle of a range.
_THOUSANDFOLD = (800, 1250)
_ALIKE = 0.025

# Bounds of a figure in a unit, wide enough for every technology that is sold.
_UNIT_BOUNDS = {
    Unit.USD_PER_GW: (0.5e9, 150e9),
    Unit.USD_PER_GW_IT: (0.5e9, 150e9),
    Unit.USD_PER_GW_FACILITY: (0.5e9, 150e9),
    Unit.USD_PER_GW_IT_YEAR: (0.1e9, 60e9),
    Unit.USD_PER_MW: (0.5e6, 150e6),
    Unit.EUR_PER_MW: (0.5e6, 150e6),
    Unit.USD_PER_CHIP: (500, 500_000),
    Unit.USD_PER_RACK: (50_000, 50e6),
    Unit.USD_PER_GPU_HOUR: (0.05, 50),
    Unit.USD_PER_MILLION_TOKENS: (0.001, 1_000),
    Unit.WATT_HOUR: (0.001, 100),
    Unit.WATT_PER_CHIP: (50, 20_000),
    Unit.KW_PER_SYSTEM: (0.5, 2_000),
    Unit.CHIPS_PER_GW: (50_000, 5e6),
    Unit.CHIPS_PER_GW_IT: (50_000, 5e6),
    Unit.SHARE: (0, 1),
    Unit.SHARE_PER_MONTH: (-1, 1),
    Unit.YEARS: (0.2, 60),
}


def _by_kind(column: str, bounds: dict[DealKind, float], otherwise: float) -> str:
    cases = " ".join(f"when '{kind.value}' then {bound:f}" for kind, bound in bounds.items())
    return f"case {column} {cases} else {otherwise:f} end"


# All that is said of a deal in words, its own and those of the titles of its documents.
_WORDS = """
    select
        deal.record_number, deal.kind, deal.title,
        concat_ws(' ; ', deal.title, deal.notes, event.words, phase.words, cited.words) as words
    from raw_ledger.deal as deal
    left join (
        select
            record_number,
            string_agg(concat_ws(' ; ', capacity_note, online_note, usd_note), ' ; ') as words
        from raw_ledger.deal_event
        group by record_number
    ) as event on deal.record_number = event.record_number
    left join (
        select record_number, string_agg(note, ' ; ') as words
        from raw_ledger.deal_phase
        group by record_number
    ) as phase on deal.record_number = phase.record_number
    left join (
        select citing.record_number, string_agg(document.title, ' ; ') as words
        from (
            select distinct record_number, unnest(source_ids) as source_id
            from raw_ledger.deal_event
        ) as citing
        inner join raw_ledger.document as document on citing.source_id = document.source_id
        group by citing.record_number
    ) as cited on deal.record_number = cited.record_number
"""


def _stated(prefix: str) -> str:
    return f"coalesce({prefix}_value, ({prefix}_low + {prefix}_high) / 2)::double"


def _figures(unit: str, table: str, prefix: str, field: str, seq: str) -> str:
    return f"""
        select
            record_number, deal_id, file, line, '{unit}' as unit, {seq} as event_seq,
            {field} as field, {_stated(prefix)} as value,
            '{table}' = 'deal_event' and '{prefix}' in ('capacity', 'usd') as is_headline
        from raw_ledger.{table}
        where {prefix}_qualifier is not null
    """


_EVENT = "'events[' || (event_seq - 1) || ']"
_FIGURE = f"""
    with figure as (
        {_figures("gw", "deal_event", "capacity", f"{_EVENT}.capacity_gw'", "event_seq")}
        union all
        {_figures("gw", "deal_event", "online", f"{_EVENT}.online_gw'", "event_seq")}
        union all
        {_figures("usd", "deal_event", "usd", f"{_EVENT}.value_usd'", "event_seq")}
        union all
        {_figures("gw", "deal_phase", "capacity", "'phase ' || phase_seq", "event_seq")}
        union all
        {_figures("gw", "deal_link", "shared_gw", "'links.shared_gw'", "event_seq")}
        union all
        {_figures("usd", "deal_link", "shared_usd", "'links.shared_usd'", "event_seq")}
    ),
    beside as (
        select
            record_number, unit, list(value) filter (is_headline) as headlines,
            list(value) as figures
        from figure
        where value > 0
        group by record_number, unit
    )
    select
        figure.*, figure.deal_id as record_id, said.kind,
        case figure.unit when 'gw' then {_by_kind("said.kind", _MOST_GW, _MOST_GW_OTHERWISE)}
            else {_by_kind("said.kind", _MOST_USD, _MOST_USD_OTHERWISE)} end as most,
        case figure.unit when 'gw' then {_LEAST_GW} else {_LEAST_USD} end as least,
        beside.headlines, beside.figures,
        case figure.unit when 'gw' then ledger_power(said.words)
            else ledger_money(said.words) end as said
    from figure
    inner join ({_WORDS}) as said on figure.record_number = said.record_number
    left join beside
        on figure.record_number = beside.record_number and figure.unit = beside.unit
    where figure.value > 0
"""


def _some(values: str, holds: str) -> str:
    return f"coalesce(len(list_filter({values}, lambda x: {holds})), 0) > 0"


def _thousandfold(other: str, value: str) -> str:
    low, high = _THOUSANDFOLD
    return (
        f"({other} / {value} between {low} and {high}"
        f" or {value} / nullif({other}, 0) between {low} and {high})"
    )


def _alike(one: str, other: str, tolerance: float = _ALIKE) -> str:
    return f"abs({one} / nullif({other}, 0) - 1) <= {tolerance}"


_SHOWN = "case unit when 'gw' then value || ' GW' else format('{:.4g}', value / 1e9) || 'e9' end"

_FIGURE_RULES = [
    Rule(
        name="figure_out_of_scale",
        record_kind="deal",
        relation=_FIGURE,
        breaks="(value < least or value > most)"
        " and not (field not like 'events%' and value < least and unit = 'usd')",
        field="field",
        found=_SHOWN,
        message="no deal of this kind is of that size: {found}",
        remedy="is it megawatts or millions? write gigawatts and plain dollars",
        severity=WARN,
    ),
    Rule(
        name="figure_against_words",
        record_kind="deal",
        relation=_FIGURE,
        breaks=f"{_some('said', _thousandfold('x', 'value'))}"
        f" and not {_some('said', _alike('x', 'value'))}",
        field="field",
        found=_SHOWN,
        message="the record's own words or its documents' titles say a thousand times more or"
        " less than {found}",
        remedy="is it megawatts or millions? write gigawatts and plain dollars",
        severity=WARN,
    ),
    Rule(
        name="figure_against_deal",
        record_kind="deal",
        relation=_FIGURE,
        breaks=_some("case when is_headline then headlines else figures end", "x / value > 300")
        + " or "
        + _some("headlines", "value / x > 300"),
        field="field",
        found=_SHOWN,
        message="other figures of the same deal are of quite another size than {found}",
        remedy="is it megawatts or millions? write gigawatts and plain dollars",
        severity=WARN,
    ),
]

# What is paid for a gigawatt, by the figures known at each event that states one of the two.
_PRICE = f"""
    select *, deal_id as record_id, usd / nullif(gw, 0) as price
    from (
        select
            record_number, deal_id, file, line, event_seq, capacity_qualifier, usd_qualifier,
            last_value({_stated("capacity")} ignore nulls) over so_far as gw,
            last_value({_stated("usd")} ignore nulls) over so_far as usd
        from raw_ledger.deal_event
        window so_far as (
            partition by record_number order by event_seq
            rows between unbounded preceding and current row
        )
    )
    where (capacity_qualifier is not null or usd_qualifier is not null) and gw > 0 and usd > 0
"""

_PRICE_RULES = [
    Rule(
        name="dollars_a_gigawatt",
        record_kind="deal",
        relation=_PRICE,
        breaks=f"price not between {_USD_PER_GW[0]:f} and {_USD_PER_GW[1]:f}",
        field=f"{_EVENT}'",
        found="format('{:.3g}', price / 1e9)",
        message="the deal comes to {found} billion dollars a gigawatt",
        remedy="is it megawatts or millions? if both are right, say in a note what each covers",
        severity=WARN,
    ),
]

_LINKED_FIGURE = f"""
    with last as (
        select
            record_number, deal_id,
            arg_max({_stated("capacity")}, event_seq) filter (capacity_qualifier is not null)
                as gw,
            arg_max(coalesce(capacity_high, capacity_value)::double, event_seq)
                filter (capacity_qualifier is not null) as most_gw,
            arg_max(capacity_basis, event_seq) filter (capacity_qualifier is not null) as basis
        from raw_ledger.deal_event
        group by record_number, deal_id
    )
    select
        link.*, link.deal_id as record_id, own.gw, own.basis, other.gw as other_gw,
        other.most_gw as other_most_gw, other.basis as other_basis
    from raw_ledger.deal_link as link
    inner join last as own on link.record_number = own.record_number
    inner join last as other on link.to_deal_id = other.deal_id
"""

_LINK_RULES = [
    Rule(
        name="part_above_whole",
        record_kind="deal",
        relation=_LINKED_FIGURE,
        breaks="relation = 'part_of' and basis = other_basis and gw > other_most_gw * 1.25",
        field="'links[' || (link_seq - 1) || ']'",
        found="gw || ' GW inside ' || other_gw || ' GW of ' || to_deal_id",
        message="the part is larger than the whole: {found}",
        remedy="correct the figure, turn the link round, or make it overlaps",
        severity=WARN,
    ),
    Rule(
        name="basis_against_link",
        record_kind="deal",
        relation=_LINKED_FIGURE,
        breaks="relation in ('part_of', 'overlaps', 'supplies')"
        f" and {_alike('gw', 'other_gw', 0.005)}"
        " and [basis, other_basis] in (['it', 'facility'], ['facility', 'it'])",
        field="'links[' || (link_seq - 1) || ']'",
        found="gw || ' GW as ' || basis || ', in ' || to_deal_id || ' as ' || other_basis",
        message="two linked deals state one figure on two bases: {found}",
        remedy="write `it` for power at the servers, `facility` for the whole site",
        severity=WARN,
    ),
]

# A sentence may call a figure IT power, or name the larger power of the site beside it.
_IT_WORDS = r"\bIT (?:load|power|capacity)|[Cc]ritical IT|\bIT\b"
_SITE_WORDS = (
    r"(?i)gross|facility power|site power|grid power|grid-?connect|total load|whole campus|"
    r"power draw|whole site|connected power|contracted power|own power plant|utility|"
    r"draws? (?:about|up to|[0-9])|size of the (?:whole )?site"
)
_POWER = r"[0-9]+(?:\.[0-9]+)? ?(?:GW|MW|gigawatts?|megawatts?)"
_BASIS = f"""
    with stated as (
        select
            event.*, event.deal_id as record_id, {_stated("capacity")} as value,
            coalesce(event.capacity_note, '') as own_words, said.words,
            lag(capacity_basis) over near as before_basis,
            lag({_stated("capacity")}) over near as before_value,
            lead(capacity_basis) over near as after_basis,
            lead({_stated("capacity")}) over near as after_value
        from raw_ledger.deal_event as event
        inner join ({_WORDS}) as said on event.record_number = said.record_number
        where capacity_qualifier is not null
        window near as (partition by event.record_number order by event_seq)
    )
    select
        *,
        ledger_power(array_to_string(regexp_extract_all(
            words, '{_POWER}(?: of)?(?: critical)? IT\\b|IT (?:load|power) of {_POWER}'
        ), ' ; ')) as it_figures,
        ledger_power(array_to_string(regexp_extract_all(
            words,
            '(?i){_POWER} (?:gross|of grid|of facility|of site|of total)|'
            || '(?:site|facility|grid|gross|power plant)(?: power| capacity)?(?: of)?'
            || '(?: about| up to)? {_POWER}'
        ), ' ; ')) as site_figures
    from stated
    where capacity_basis in ('it', 'facility')
"""

_BASIS_RULES = [
    Rule(
        name="basis_against_words",
        record_kind="deal",
        relation=_BASIS,
        breaks="capacity_basis = 'facility' and ("
        f"{_some('it_figures', _alike('x', 'value'))}"
        f" or {_some('site_figures', 'x > value * 1.05 and x < value * 2')}"
        f" or regexp_matches(own_words, '{_IT_WORDS}')"
        f" and not regexp_matches(own_words, '{_SITE_WORDS}|{_POWER} IT|calls it'))"
        " or capacity_basis = 'it' and ("
        f"{_some('site_figures', _alike('x', 'value'))}"
        f" or regexp_matches(own_words, '{_SITE_WORDS}')"
        f" and not regexp_matches(own_words, '{_IT_WORDS}')"
        f" and not {_some('ledger_power(own_words)', 'x > value * 1.02')})",
        field=f"{_EVENT}.capacity_gw.basis'",
        found="value || ' GW as ' || capacity_basis",
        message="the words of the record speak of another basis than {found}",
        remedy="write `it` for power at the servers, `facility` for the whole site",
        severity=WARN,
    ),
    Rule(
        name="basis_changes",
        record_kind="deal",
        relation=_BASIS,
        breaks=" or ".join(
            f"({_alike('value', f'{side}_value', 0.005)} and {side}_basis in ('it', 'facility')"
            f" and {side}_basis <> capacity_basis)"
            for side in ("before", "after")
        ),
        field=f"{_EVENT}.capacity_gw.basis'",
        found="value || ' GW as ' || capacity_basis",
        message="the same figure stands in a neighbouring event on another basis: {found}",
        remedy="write `it` for power at the servers, `facility` for the whole site",
        severity=WARN,
    ),
]

_CEILING_WORDS = (
    r"(?:up to|as much as|at most|no more than|a maximum of|capped at|a ceiling of)"
    r"(?: about| roughly| some| a total of)?"
)
_AMOUNT = (
    r"[0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?"
    r"(?:[ -]?(?:trillion|billion|million|GW|MW|gigawatts?|megawatts?))?"
)
_CEILING = f"""
    select
        event.*, event.deal_id as record_id, {_stated("capacity")} as gw, {_stated("usd")} as usd,
        regexp_extract_all(
            replace(
                concat_ws(' ; ', event.capacity_note, event.usd_note, deal.title, cited.words),
                ',', ''
            ),
            '(?i){_CEILING_WORDS} {_AMOUNT}'
        ) as ceilings
    from raw_ledger.deal_event as event
    inner join raw_ledger.deal as deal on event.record_number = deal.record_number
    left join (
        select citing.record_number, citing.event_seq, string_agg(document.title, ' ; ') as words
        from (
            select record_number, event_seq, unnest(source_ids) as source_id
            from raw_ledger.deal_event
        ) as citing
        inner join raw_ledger.document as document on citing.source_id = document.source_id
        group by citing.record_number, citing.event_seq
    ) as cited
        on event.record_number = cited.record_number and event.event_seq = cited.event_seq
    where event.capacity_qualifier is not null or event.usd_qualifier is not null
"""
_BARE = "try_cast(regexp_extract(x, '[0-9.]+$') as double)"


def _ceiling_rule(prefix: str, value: str, figures: str, scale: str, field: str) -> Rule:
    alike = _alike("x", value, 0.005)
    said = (
        f"list_concat({figures}(array_to_string(ceilings, ' ; ')),"
        f" list_transform(ceilings, lambda x: {_BARE} * {scale}))"
    )
    return Rule(
        name="ceiling_as_figure",
        record_kind="deal",
        relation=_CEILING,
        breaks=f"{prefix}_qualifier in ('exact', 'about') and {_some(said, alike)}",
        field=f"{_EVENT}.{field}.qualifier'",
        found=f"{prefix}_qualifier",
        message="the words call the figure a ceiling, the qualifier is {found}",
        remedy="write qualifier: up_to, or say in the note what the ceiling is of",
        severity=WARN,
    )


_CEILING_RULES = [
    _ceiling_rule("capacity", "gw", "ledger_power", "1", "capacity_gw"),
    _ceiling_rule("usd", "usd", "ledger_money", "1e9", "value_usd"),
]

# How other currencies are named in words.
_CURRENCY_WORDS = (
    "euros?|pounds?|sterling|yen|yuan|renminbi|rupees?|reais|real|won|krona|kronor|kroner|riyals?|"
    "ringgit|francs?|EUR|GBP|JPY|CNY|RMB|INR|BRL|KRW|SEK|NOK|SAR|MYR|CHF"
)
_MONEY = f"""
    with rate as (
        select
            *, lag(applied) over near as before_applied, lead(applied) over near as after_applied
        from (
            select
                record_number, event_seq, original_currency, ledger_first_day(known_on) as day,
                (usd_value / nullif(original_amount, 0))::double as applied
            from raw_ledger.deal_event
            where usd_value > 0 and original_amount > 0
        )
        window near as (partition by original_currency order by day, record_number, event_seq)
    )
    select
        event.*, event.deal_id as record_id, rate.applied, rate.before_applied, rate.after_applied,
        {_stated("usd")} as usd,
        ledger_money(array_to_string(regexp_extract_all(
            replace(said.words, ',', ''), '(?i){_AMOUNT} ?(?:{_CURRENCY_WORDS})\\b'
        ), ' ; ')) as foreign_figures,
        ledger_money(array_to_string(regexp_extract_all(
            replace(said.words, ',', ''), '(?i){_AMOUNT} ?(?:US )?(?:dollars|USD)\\b'
        ), ' ; ')) as dollar_figures
    from raw_ledger.deal_event as event
    inner join ({_WORDS}) as said on event.record_number = said.record_number
    left join rate
        on event.record_number = rate.record_number and event.event_seq = rate.event_seq
    where event.usd_qualifier is not null
"""

_MONEY_RULES = [
    Rule(
        name="exchange_rate_unlike",
        record_kind="deal",
        relation=_MONEY,
        # The neighbours in time took other rates of the same currency; 4 is above any currency's.
        breaks="least(abs(applied / before_applied - 1), abs(applied / after_applied - 1)) > 0.06"
        " or applied not between 0.00001 and 4",
        field=f"{_EVENT}.value_usd'",
        found="format('{:.4g}', applied) || ' dollars a ' || original_currency",
        message="the sum was turned into dollars at {found}",
        remedy="check both amounts and the rate of the announcement day",
        severity=WARN,
    ),
    Rule(
        name="currency_against_words",
        record_kind="deal",
        relation=_MONEY,
        breaks=f"original_currency is null and {_some('foreign_figures', _alike('x', 'usd', 0.01))}"
        f" and not {_some('dollar_figures', _alike('x', 'usd', 0.01))}",
        field=f"{_EVENT}.value_usd'",
        found="format('{:.4g}', usd / 1e9) || 'e9'",
        message="the words give {found} in another currency",
        remedy="give value in dollars at the rate of the day, and the amount in original",
        severity=WARN,
    ),
]

_PAYS = {
    "trade": ("customer", "tenant"),
    "equity": ("investor",),
    "debt": ("lender",),
    "takeover": ("acquirer",),
}
_PAID = {
    "trade": (
        "supplier",
        "chip_vendor",
        "cloud_provider",
        "landlord",
        "developer",
        "power_supplier",
    ),
    "equity": ("investee",),
    "debt": ("borrower",),
    "takeover": ("target",),
}
_FAMILY = """case deal.kind when 'equity_investment' then 'equity' when 'debt_financing' then 'debt'
    when 'acquisition' then 'takeover' when 'joint_venture' then null
    when 'expansion_plan' then null else 'trade' end"""


def _side_when() -> str:
    cases = [
        f"when family = '{family}' and role in {(*roles, '')} then '{side}'"
        for side, by_family in (("pays", _PAYS), ("paid", _PAID))
        for family, roles in by_family.items()
    ]
    return "case " + " ".join(cases) + " end"


# Where an organisation of a kind stands between those that make and those that use: money for
# goods goes up this list.
_CHAIN = {
    "foundry": 0,
    "memory_vendor": 1,
    "chip_vendor": 2,
    "power_developer": 2,
    "utility": 2,
    "datacenter_developer": 3,
    "neocloud": 4,
    "hyperscaler": 5,
    "government": 6,
    "ai_lab": 6,
}

# Verbs whose subject pays, and verbs whose subject is paid.
_PAYING_VERBS = (
    "rents?|buys?|leases?|takes? [a-z0-9]+|licenses|orders?|deploys|commits|"
    "commitments?|acquires|invests?|"
    "lends?|loan to|puts?|secures|contracts? with|contract|fills|adds|pays|must buy|"
    "in talks to rent|stake in|share of|letter of intent|tenant of|customer of|warrant for"
)
_SOLD_TO = r"\b(?:sells?|sold|sale|suppl(?:y|ies)|leased) .*\bto $"
_AS_CUSTOMER = r"\bas (?:[a-z]+ )?(?:customers?|tenants?)\b"
_LENDERS = r"\b(?:lenders?|banks?|bondholders|syndicate|investors|holders)\b"
_PAID_VERBS = "suppl(?:y|ies)|to supply|hosts|sells|leased to|raises|borrows|receives"


def _place_in_chain(org_kind: str) -> str:
    cases = " ".join(f"when '{kind}' then {place}" for kind, place in _CHAIN.items())
    return f"case {org_kind} {cases} end"


def _place_in_title(party: str) -> str:
    """The place of an organisation in the title, by the first word of its name or id."""
    places = (f"nullif(strpos(lower(payer.title), {party}.{word}), 0)" for word in _NAMES)
    return f"coalesce({', '.join(places)}, 0)"


_NAMES = ("org_word", "id_word")


def _odds(pays: str, paid: str) -> str:
    """The weight of a side against the other by counts, one case added to each."""
    return f"ln(({pays} + 1) / ({paid} + 1))"


# The sides fit the ledger better the other way round: by the kinds of the two organisations, by
# what each is in its other deals, and by who does what to whom in the title.
_SIDES = f"""
    with party as (
        select *, {_side_when()} as side
        from (
            select
                party.record_number, party.deal_id, party.file, party.line, party.party_seq,
                party.org_id, party.role, deal.kind, deal.title, org.kind as org_kind,
                lower(regexp_extract(org.name, '^[^ ,(]+')) as org_word,
                split_part(org.org_id, '-', 1) as id_word, {_FAMILY} as family
            from raw_ledger.deal_party as party
            inner join raw_ledger.deal as deal on party.record_number = deal.record_number
            inner join raw_ledger.organization as org on party.org_id = org.org_id
        )
    ),
    of_kind as (
        select kind, org_kind, count(*) filter (side = 'pays') as pays,
            count(*) filter (side = 'paid') as paid
        from party
        where side is not null
        group by kind, org_kind
    ),
    of_org as (
        select family, org_id, count(*) filter (side = 'pays') as pays,
            count(*) filter (side = 'paid') as paid
        from party
        where side is not null
        group by family, org_id
    ),
    weighed as (
        select
            party.*,
            case side when 'pays'
                then {_odds("of_kind.pays - 1", "of_kind.paid")}
                    + {_odds("of_org.pays - 1", "of_org.paid")}
                else {_odds("of_kind.paid - 1", "of_kind.pays")}
                    + {_odds("of_org.paid - 1", "of_org.pays")} end as weight
        from party
        inner join of_kind on party.kind = of_kind.kind and party.org_kind = of_kind.org_kind
        inner join of_org on party.family = of_org.family and party.org_id = of_org.org_id
        where side is not null
    ),
    pair as (
        select
            payer.record_number, payer.deal_id, payer.file, payer.line, payer.party_seq,
            payer.org_id as payer_id, payee.org_id as payee_id, payer.family,
            payer.role, payee.role as other_role,
            payer.weight + payee.weight + case when payer.family = 'trade' then 4 * coalesce(sign(
                {_place_in_chain("payer.org_kind")} - {_place_in_chain("payee.org_kind")}
            ), 0) else 0 end as weight,
            {_place_in_title("payer")} as payer_place,
            {_place_in_title("payee")} as payee_place, lower(payer.title) as title
        from weighed as payer
        inner join weighed as payee
            on payer.record_number = payee.record_number and payer.org_id <> payee.org_id
        where payer.side = 'pays' and payee.side = 'paid'
    ),
    told as (
        select
            *,
            case
                when payer_place > 0 and payee_place > 0 then substr(
                    title, least(payer_place, payee_place), abs(payer_place - payee_place)
                )
                when family not in ('trade', 'takeover') then ''
                when payer_place = 1 or payee_place = 1 then title
                when payee_place > 1 then substr(title, 1, payee_place)
                else '' end as words_between,
            case when payer_place = 0 and payee_place > 1 then 1
                when payee_place = 0 or payer_place between 1 and payee_place - 1 then 1
                else -1 end as order_sign
        from pair
    ),
    scored as (
        select
            *,
            weight + order_sign * case
                when regexp_matches(words_between, '\\b(?:{_PAID_VERBS})\\b') then -9
                when regexp_matches(words_between, '\\b(?:{_PAYING_VERBS})\\b') then 9
                when words_between <> '' then 0.5 else 0 end
                + case when regexp_matches(substr(title, 1, payer_place - 1), '{_SOLD_TO}') then 7
                    when regexp_matches(substr(title, 1, payee_place - 1), '{_SOLD_TO}') then -7
                    else 0 end
                + case when regexp_matches(
                    substr(title, greatest(payer_place, payee_place)), '{_AS_CUSTOMER}'
                ) then 6 * sign(payer_place - payee_place) else 0 end
                + case when family = 'debt' then
                    2 * (regexp_matches(payer_id, '{_LENDERS}')::integer
                        - regexp_matches(payee_id, '{_LENDERS}')::integer) else 0 end as score
        from told
    )
    select
        record_number, deal_id as record_id, any_value(file) as file, min(line) as line,
        arg_min(
            payer_id || ' as ' || role || ', ' || payee_id || ' as ' || other_role, score
        ) as found,
        min(payer_score) as payer_score, min(payee_score) as payee_score
    from (
        select
            *, avg(score) over (partition by record_number, payer_id) as payer_score,
            avg(score) over (partition by record_number, payee_id) as payee_score
        from scored
    )
    group by record_number, deal_id
"""

# The natural logarithm of the odds for the sides as stated. Among several payers one of an unusual
# kind is no sign.
_PAYEE_REVERSED, _PAYER_REVERSED = -1.4, -3

_SIDE_RULES = [
    Rule(
        name="sides_reversed",
        record_kind="deal",
        relation=_SIDES,
        breaks=f"payee_score < {_PAYEE_REVERSED} or payer_score < {_PAYER_REVERSED}",
        field="'parties'",
        found="found",
        message="buyer and seller look swapped: {found}",
        remedy="who pays is customer, tenant, investor, lender or acquirer; swap the roles if so",
        severity=WARN,
    ),
]

# Kinds that one deal may be filed under by different people. One gigawatt is announced as power, as
# a site and as compute: across those the same figure is no sign.
_NEAR_KINDS = (
    ("compute_supply", "cloud_services"),
    ("datacenter_lease", "datacenter_development"),
    ("equity_investment", "debt_financing", "acquisition"),
    ("joint_venture", "expansion_plan"),
)


def _near_kinds() -> str:
    return " or ".join(f"kind in {kinds} and other.kind in {kinds}" for kinds in _NEAR_KINDS)


# A deal is held against the three that come before it by day among those with the same two parties.
_TOLD_BEFORE = f"""
    with org as (
        select record_number, list_sort(list(distinct org_id)) as orgs
        from raw_ledger.deal_party
        group by record_number
    ),
    deal as (
        select
            deal.record_number, deal.deal_id, deal.kind, deal.file, deal.line, org.orgs,
            min(ledger_first_day(event.known_on)) as first_day,
            list({_stated("capacity")}) filter (event.capacity_qualifier is not null) as gw,
            list({_stated("usd")}) filter (event.usd_qualifier is not null) as usd
        from raw_ledger.deal as deal
        inner join org on deal.record_number = org.record_number
        inner join raw_ledger.deal_event as event on deal.record_number = event.record_number
        group by all
    ),
    pair as (
        select distinct
            one.record_number, least(one.org_id, coalesce(two.org_id, one.org_id)) as one_id,
            greatest(one.org_id, coalesce(two.org_id, one.org_id)) as two_id
        from raw_ledger.deal_party as one
        left join raw_ledger.deal_party as two
            on one.record_number = two.record_number and one.org_id < two.org_id
    ),
    placed as (
        select
            pair.one_id, pair.two_id, deal.*, {{'deal_id': deal.deal_id, 'kind': deal.kind,
                'orgs': deal.orgs, 'first_day': deal.first_day, 'gw': deal.gw, 'usd': deal.usd}}
                as self
        from pair
        inner join deal on pair.record_number = deal.record_number
        where pair.one_id <> pair.two_id or len(deal.orgs) = 1
    ),
    compared as (
        select *, unnest([
            lag(self, 1) over near, lag(self, 2) over near, lag(self, 3) over near,
            lead(self, 1) over near, lead(self, 2) over near, lead(self, 3) over near
        ]) as other
        from placed
        window near as (partition by one_id, two_id order by first_day, record_number)
    )
    select distinct
        record_number, deal_id as record_id, file, line, kind, orgs, other.deal_id as other_id,
        other.kind = kind as is_same_kind, {_near_kinds()} as is_near_kind,
        other.orgs = orgs as has_same_parties,
        abs(first_day - other.first_day) as days,
        list_has_all(orgs, other.orgs) or list_has_all(other.orgs, orgs) as are_within,
        least(len(orgs), len(other.orgs)) > 1 as has_two_parties,
        gw, usd, other.gw as other_gw, other.usd as other_usd
    from compared
    where other is not null and abs(first_day - other.first_day) <= 60
        and not exists (
            select 1 from raw_ledger.deal_link as link
            where link.deal_id in (compared.deal_id, other.deal_id)
                and link.to_deal_id in (compared.deal_id, other.deal_id)
        )
"""


def _meet(one: str, other: str, tolerance: float) -> str:
    """SQL that is true when two lists have a figure in common."""
    near = f"abs(y / nullif(x, 0) - 1) <= {tolerance}"
    return (
        f"coalesce(len(list_filter({one}, lambda x: len(list_filter({other}, lambda y: {near}))"
        " > 0)), 0) > 0"
    )


def _differ(one: str, other: str) -> str:
    return f"({one} is not null and {other} is not null and not {_meet(one, other, 0.1)})"


# Two digits are what a retelling leaves of a figure.
_SAME_FIGURE = f"({_meet('gw', 'other_gw', 0.05)} or {_meet('usd', 'other_usd', 0.05)})"
_OTHER_FIGURE = f"({_differ('gw', 'other_gw')} or {_differ('usd', 'other_usd')})"

_TOLD_TWICE_RULES = [
    Rule(
        name="same_deal_twice",
        record_kind="deal",
        relation=_TOLD_BEFORE,
        breaks=f"not {_OTHER_FIGURE} and ("
        f"(is_same_kind and are_within or is_near_kind and has_same_parties) and {_SAME_FIGURE}"
        " and days <= case when len(orgs) > 1 then 20 else 10 end"
        " or is_same_kind and has_same_parties and days <= 10"
        " and (len(orgs) > 1 or gw is null and usd is null)"
        " or is_near_kind and are_within and has_two_parties and days <= 10)",
        field="'id'",
        found="other_id",
        message="the same parties, days and figures stand in {found}",
        remedy="add the news to that deal as an event; if they are two deals, link them",
        severity=WARN,
    ),
]

_NORMAL_TOKENS = """case period_kind when 'minute' then 43830 when 'day' then 30.4375
    when 'week' then 30.4375 / 7 when 'month' then 1 when 'quarter' then 1 / 3
    when 'half' then 1 / 6 when 'year' then 1 / 12
    else 30.4375 / (1 + ledger_last_day(period_to) - ledger_first_day(period_of)) end"""

# How notes and titles name the period of a rate when they give no figure beside it.
_PERIOD_WORDS = {
    "minute": "(?:a|per|every) minute",
    "day": "(?:a|per|every) day|daily|24[ -]hours?",
    "week": "(?:a|per|every) week|weekly",
    "month": "(?:a|per|every) month|monthly|30 days",
}


def _told_periods() -> str:
    pieces = ", ".join(
        f"case when regexp_matches(regexp_replace(words, '(?i){_RATE}', '', 'g'),"
        f" '(?i)\\b(?:{words})\\b') then '{kind}' end"
        for kind, words in _PERIOD_WORDS.items()
    )
    return f"list_filter([{pieces}], lambda x: x is not null)"


_COUNT = r"[0-9]+(?:\.[0-9]+)? ?(?:quadrillion|trillion|billion|million|[QTBM])\b"
_RATE = (
    rf"{_COUNT}(?: (?:[a-zA-Z]+ ){{0,3}})?(?: ?(?:a|per|each|every) (?:minute|day|week|month)\b"
    r"(?: (?:before|ago|earlier|later|after))?)"
)
_DIRECT_RATE = rf"{_COUNT} (?:minute|day|week|month)\b"
_MONTHLY_FACTOR = """case lower(regexp_extract(x, '[a-z]+$')) when 'minute' then 43830
    when 'day' then 30.4375 when 'week' then 30.4375 / 7 else 1 end"""

_TOKENS = f"""
    with told as (
        select
            observation.*, observation_id as record_id,
            ({_stated("tokens")}) * ({_NORMAL_TOKENS}) as monthly, {_stated("tokens")} as value,
            ledger_first_day(period_of) + cast(case period_kind when 'month' then 15
                when 'quarter' then 45 when 'half' then 91 when 'year' then 182
                when 'cumulative'
                    then (ledger_last_day(period_to) - ledger_first_day(period_of)) / 2
                else 0 end as integer) as middle,
            replace(concat_ws(' ; ', notes, cited.words), ',', '') as words
        from raw_ledger.token_observation as observation
        left join (
            select citing.record_number, string_agg(document.title, ' ; ') as words
            from (
                select record_number, unnest(source_ids) as source_id
                from raw_ledger.token_observation
            ) as citing
            inner join raw_ledger.document as document on citing.source_id = document.source_id
            group by citing.record_number
        ) as cited on observation.record_number = cited.record_number
    )
    select
        *,
        lag(monthly) over near as before_monthly, middle - lag(middle) over near as before_days,
        lead(monthly) over near as after_monthly, lead(middle) over near - middle as after_days,
        max(monthly) over beside as most_beside, min(monthly) over beside as least_beside,
        max(monthly) filter (level in ('provider_part', 'router', 'customer')) over of_org
            as part_beside,
        min(monthly) filter (level = 'provider_total') over of_org as total_beside,
        {_told_periods()} as periods,
        list_transform(
            regexp_extract_all(words, '(?i){_COUNT}'),
            lambda x: ledger_tokens(x)
        ) as counts,
        list_transform(
            list_filter(
                list_concat(
                    regexp_extract_all(words, '(?i){_RATE}'),
                    regexp_extract_all(words, '(?i){_DIRECT_RATE}')
                ),
                lambda x: regexp_matches(x, '(?:minute|day|week|month)$')
            ),
            lambda x: {{'value': ledger_tokens(x), 'kind': lower(regexp_extract(x, '[a-z]+$')),
                'monthly': ledger_tokens(x) * {_MONTHLY_FACTOR}}}
        ) as rates
    from told
    window
        near as (partition by org_id, scope, measure order by middle, record_number),
        of_org as (
            partition by org_id, measure, date_trunc('quarter', ledger_first_day(period_of))
        ),
        beside as (
            partition by org_id, measure, level, date_trunc('quarter', ledger_first_day(period_of))
        )
"""

# No series fell to under half, or grew faster than 15 times, or at a rate of 100 times a year.
_FALL = 0.42


def _jump(earlier: str, later: str, days: str) -> str:
    return (
        f"({later} / nullif({earlier}, 0) < {_FALL}"
        f" or {later} / nullif({earlier}, 0) > greatest(15, 100 * {days} / 365.25))"
    )


# A day's tokens and a month's are apart by this much, rounding included.
_MONTHFOLD = "(x.monthly / monthly between 27 and 34 or monthly / x.monthly between 27 and 34)"

# What a series of a level counts in a month at least, from 2025 on.
_LEAST_MONTHLY = {
    "provider_total": 3e11,
    "provider_part": 3e10,
    "router": 1e11,
    "country": 5e10,
    "world_estimate": 1e14,
}

TOKEN_RULES = [
    Rule(
        name="period_against_words",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="period_kind <> 'cumulative'"
        f" and {_some('rates', _alike('x.value', 'value', 0.03) + ' and x.kind <> period_kind')}"
        f" and not {_some('rates', _alike('x.value', 'value', 0.03) + ' and x.kind = period_kind')}"
        " or period_kind in ('day', 'month')"
        f" and {_some('rates', _MONTHFOLD)}"
        f" and not {_some('counts', _alike('x', 'value'))}"
        f" and not {_some('rates', _alike('x.monthly', 'monthly', 0.2))}"
        " or period_kind in ('day', 'month') and len(periods) > 0"
        " and not list_contains(periods, period_kind)"
        f" and not {_some('rates', 'x.kind = period_kind')}",
        field="'period.kind'",
        found="period_kind",
        message="the notes and titles do not speak of tokens a {found}",
        remedy="give the period in which the tokens were counted, as the document does",
        severity=WARN,
    ),
    Rule(
        name="tokens_against_words",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks=f"{_some('counts', _thousandfold('x', 'value'))}"
        f" and not {_some('counts', _alike('x', 'value'))}",
        field="'tokens'",
        found="format('{:.4g}', value)",
        message="the notes or titles say a thousand times more or less than {found}",
        remedy="is it billions or trillions? write plain tokens, as 480e12",
        severity=WARN,
    ),
    Rule(
        name="tokens_unlike_neighbours",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks=_jump("before_monthly", "monthly", "before_days")
        + " or "
        + _jump("monthly", "after_monthly", "after_days"),
        field="'tokens'",
        found="format('{:.3g}', monthly)",
        message="{found} a month does not fit the neighbours of its series",
        remedy="check the period (a day, a month) and the size of the figure",
        severity=WARN,
    ),
    Rule(
        name="tokens_unlike_organisation",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="level in ('provider_total', 'country', 'world_estimate')"
        " and measure <> 'peak_processed' and most_beside / nullif(least_beside, 0) > 20"
        " and monthly in (least_beside, most_beside)",
        field="'tokens'",
        found="format('{:.3g}', monthly)",
        message="another series of the organisation, of the same level, is of quite another size"
        " than {found} a month",
        remedy="check the period (a day, a month) and the size of the figure",
        severity=WARN,
    ),
    Rule(
        name="part_above_total",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="measure = 'processed' and (level = 'provider_total' and monthly * 1.1 < part_beside"
        " or level in ('provider_part', 'router', 'customer') and monthly > total_beside * 1.1)",
        field="'tokens'",
        found="format('{:.3g}', monthly)",
        message="a part of the organisation's tokens exceeds its total in that quarter: {found}",
        remedy="check the period (a day, a month) and the size of both figures, or the level",
        severity=WARN,
    ),
    Rule(
        name="tokens_out_of_scale",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="monthly > 5e17 or measure <> 'peak_processed' and (monthly < 5e9"
        " or period_of >= '2025' and monthly < case level"
        f" {' '.join(f'when {level!r} then {least:f}' for level, least in _LEAST_MONTHLY.items())}"
        " else 0 end)",
        field="'tokens'",
        found="format('{:.3g}', monthly)",
        message="{found} tokens a month is beyond anything that was published",
        remedy="check the period (a day, a month) and the size of the figure",
        severity=WARN,
    ),
    Rule(
        name="known_before_period",
        record_kind="token_observation",
        relation=_TOKENS,
        breaks="ledger_last_day(known_on) < ledger_first_day(coalesce(period_to, period_of))",
        field="'known_on'",
        found="known_on",
        message="known on {found}, before its period began",
        remedy="correct the day or the period",
        severity=WARN,
    ),
]

_CAPEX = f"""
    select
        *, capex_id as record_id, {_stated("amount")} as value,
        median({_stated("amount")}) over (partition by org_id, kind) as usual,
        count(*) over (partition by org_id, kind) as rows_beside
    from raw_ledger.capex
    where amount_qualifier is not null
"""

CAPEX_RULES = [
    Rule(
        name="amount_unlike_series",
        record_kind="capex",
        relation=_CAPEX,
        breaks="value > 0 and (value not between 200e6 and 1500e9"
        " or rows_beside > 2 and value not between usual / 60 and usual * 60)",
        field="'amount_usd'",
        found="format('{:.4g}', value / 1e9) || 'e9'",
        message="{found} does not fit the other figures of the organisation",
        remedy="is it millions or billions? write plain dollars, as 12e9",
        severity=WARN,
    ),
    Rule(
        name="known_before_period",
        record_kind="capex",
        relation=_CAPEX,
        breaks="kind <> 'capex_guidance'"
        " and ledger_last_day(known_on) < ledger_first_day(period_end)",
        field="'known_on'",
        found="known_on",
        message="known on {found}, before its period ended",
        remedy="correct the day or the period",
        severity=WARN,
    ),
]


def _unit_rule(kind: str, table: str, key: str, prefix: str, field: str) -> Rule:
    cases = " ".join(
        f"when '{unit.value}' then {prefix} not between {low:f} and {high:f}"
        for unit, (low, high) in _UNIT_BOUNDS.items()
    )
    return Rule(
        name="figure_out_of_scale",
        record_kind=kind,
        relation=f"select *, {key} as record_id from raw_ledger.{table}",
        breaks=f"case unit {cases} else false end",
        field=field,
        found=f"cast({prefix} as double) || ' ' || unit",
        message="no figure in this unit is of that size: {found}",
        remedy="check the unit and the number of zeros",
        severity=WARN,
    )


UNIT_RULES = [
    _unit_rule("assumption", "assumption", "assumption_id", "value", "'value'"),
    _unit_rule("claim", "claim", "claim_id", "claimed_value", "'claimed'"),
]

_CITED = {
    "deal": ("deal_event", "deal_id", "known_on", f"{_EVENT}.known_on'"),
    "claim": ("claim", "claim_id", "known_on", "'known_on'"),
    "assumption": ("assumption", "assumption_id", "coalesce(known_on, as_of)", "'known_on'"),
    "token_observation": ("token_observation", "observation_id", "known_on", "'known_on'"),
    "capex": ("capex", "capex_id", "known_on", "'known_on'"),
}


def _document_day_rules(kind: str) -> list[Rule]:
    table, key, known_on, field = _CITED[kind]
    part = "event_seq" if kind == "deal" else "0"
    relation = f"""
        select citing.*, citing.{key} as record_id, {known_on} as day, cited.first_day,
            cited.undated_count
        from raw_ledger.{table} as citing
        inner join (
            select
                one.record_number, one.part,
                min(ledger_first_day(document.published_on)) as first_day,
                count(*) - count(document.published_on) as undated_count
            from (
                select record_number, {part} as part, unnest(source_ids) as source_id
                from raw_ledger.{table}
            ) as one
            inner join raw_ledger.document as document on one.source_id = document.source_id
            group by one.record_number, one.part
        ) as cited on citing.record_number = cited.record_number and {part} = cited.part
    """
    return [
        Rule(
            name="known_before_document",
            record_kind=kind,
            relation=relation,
            # A day either way is the time zone of whoever published. A document without a day may
            # be the first.
            breaks="not is_retold and ledger_last_day(day)"
            " + case when undated_count > 0 then 30 else 1 end < first_day",
            field=field,
            found="day || ' before ' || first_day",
            message="known before any document that it cites was published: {found}",
            remedy="correct the day; if the documents tell of an earlier one, write retold: true",
            severity=WARN,
        ),
        Rule(
            name="retold_without_need",
            record_kind=kind,
            relation=relation,
            breaks="is_retold and ledger_last_day(day) >= first_day",
            field=field,
            found="first_day",
            message="a document that it cites is of {found}, no later than the day of knowledge",
            remedy="delete retold",
            severity=WARN,
        ),
    ]


DOCUMENT_DAY_RULES = [rule for kind in _CITED for rule in _document_day_rules(kind)]

WARNING_RULES: list[Rule] = [
    *_FIGURE_RULES,
    *_PRICE_RULES,
    *_LINK_RULES,
    *_BASIS_RULES,
    *_CEILING_RULES,
    *_MONEY_RULES,
    *_SIDE_RULES,
    *_TOLD_TWICE_RULES,
    *TOKEN_RULES,
    *CAPEX_RULES,
    *UNIT_RULES,
    *DOCUMENT_DAY_RULES,
]
