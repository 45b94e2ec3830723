"""One frozen model a kind of record: its fields, what they mean, what form each takes.

The models refuse unknown fields, unknown words and values of the wrong form. What must hold
between fields (a range needs its bounds) or between records (a cited document exists) is stated in
`checks.py`, once for YAML and bulk alike. The JSON Schemas, and the checks of bulk files, are
generated from these models.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from sources.ledger import forms
from sources.ledger.vocabulary import (
    AssumptionBasis,
    AssumptionTopic,
    CapexBasis,
    CapexKind,
    CapexMetric,
    ClaimMeasure,
    Commitment,
    Confidence,
    DealKind,
    EventKind,
    OrganizationKind,
    PartyRole,
    PeriodKind,
    PowerBasis,
    Qualifier,
    Read,
    Relation,
    Take,
    Tier,
    TokenBasis,
    TokenLevel,
    TokenMeasure,
    Transform,
    Unit,
)

Id = Annotated[str, forms.ID]
Line = Annotated[str, forms.LINE]
Prose = Annotated[str, forms.PROSE]
Url = Annotated[str, forms.URL]
Country = Annotated[str, forms.COUNTRY]
Cik = Annotated[str, forms.CIK]
Currency = Annotated[str, forms.CURRENCY]
Quarter = Annotated[str, forms.QUARTER]
PartialDate = Annotated[str, forms.DATE]
Boolean = Annotated[bool, forms.BOOLEAN]
Sequence = Annotated[Decimal, forms.SEQUENCE]
Gigawatts = Annotated[Decimal, forms.GIGAWATTS]
UsDollars = Annotated[Decimal, forms.US_DOLLARS]
Amount = Annotated[Decimal, forms.AMOUNT]
Share = Annotated[Decimal, forms.SHARE]
Years = Annotated[Decimal, forms.YEARS]
Tokens = Annotated[Decimal, forms.TOKENS]
PromptTokens = Annotated[Decimal, forms.PROMPT_TOKENS]
Figure = Annotated[Decimal, forms.FIGURE]
Ids = Annotated[tuple[Id, ...], Field(min_length=1)]


class LedgerModel(BaseModel):
    """What all models share: frozen, closed, described by the texts under their fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Original(LedgerModel):
    """An amount in the currency in which it was announced."""

    amount: Amount
    """The plain amount, as 20e9."""
    currency: Currency
    """Three letters, as EUR."""


class PowerQuantity(LedgerModel):
    """Power in gigawatts, as a document states it."""

    value: Gigawatts | None = None
    """Gigawatts; may be left out for a range."""
    qualifier: Qualifier
    """How the figure is to be read."""
    low: Gigawatts | None = None
    """Lower bound, where one is stated."""
    high: Gigawatts | None = None
    """Upper bound, where one is stated."""


class Capacity(PowerQuantity):
    """Power in gigawatts with the point at which it is measured."""

    basis: PowerBasis | None = None
    """Where the power is measured; left out means unspecified."""
    note: Prose | None = None
    """What the figure covers, in our own words."""


class DollarQuantity(LedgerModel):
    """A sum in plain US dollars, as a document states it."""

    value: UsDollars | None = None
    """Plain dollars, as 300e9; may be left out for a range."""
    qualifier: Qualifier
    """How the figure is to be read."""
    low: UsDollars | None = None
    """Lower bound, where one is stated."""
    high: UsDollars | None = None
    """Upper bound, where one is stated."""


class Money(DollarQuantity):
    """The value of a deal in plain US dollars, at the rate of the announcement day."""

    cash: Boolean | None = None
    """false for what is not a payment: a warrant, shares handed over, the cap of a guarantee."""
    conditional: Boolean | None = None
    """true when it is due only if milestones are met."""
    is_estimate: Boolean | None = None
    """true when no party to the deal stated the figure."""
    original: Original | None = None
    """The amount as announced, when it was in another currency."""
    note: Prose | None = None
    """What the sum covers, in our own words."""


class Term(LedgerModel):
    """When a contract runs."""

    starts: PartialDate | None = None
    """First period of the term."""
    ends: PartialDate | None = None
    """Last period of the term."""
    years: Years | None = None
    """Length in years."""


class NumberOrMapping:
    """Lets a plain number stand for an exact quantity."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [forms.GIGAWATTS.json_schema(), handler(schema["schema"])]}

    @staticmethod
    def _read(value: Any) -> Any:
        if isinstance(value, Decimal | int | str) and not isinstance(value, bool):
            return {"value": value, "qualifier": "exact"}
        return value


class Phase(LedgerModel):
    """A part of the capacity with its own promised date."""

    seq: Sequence
    """Number of the phase: the same phase keeps its number when it is stated again."""
    capacity_gw: Annotated[Capacity | None, NumberOrMapping()] = None
    """The phase's own part in gigawatts, not cumulative: a number, or a quantity."""
    basis: PowerBasis | None = None
    """Where the power is measured."""
    starts: PartialDate | None = None
    """When the phase is promised to start."""
    ends: PartialDate | None = None
    """When the phase is promised to be complete."""
    online_on: PartialDate | None = None
    """When it actually began to run."""
    note: Prose | None = None
    """What the phase is, in our own words."""


class Link(LedgerModel):
    """How this deal stands to another; written once, in the later deal."""

    to: Id
    """Id of the other deal."""
    relation: Relation
    """How this deal stands to it."""
    known_on: PartialDate | None = None
    """Known from this day; left out means from the first event, or the event it stands on."""
    shared_gw: PowerQuantity | None = None
    """Capacity in common, where a document lets one say."""
    shared_usd: DollarQuantity | None = None
    """Money in common, where a document lets one say."""
    note: Prose | None = None
    """Why the link holds, in our own words."""


class Party(LedgerModel):
    """An organisation in the deal."""

    org: Id
    """Id of the organisation."""
    role: PartyRole
    """What it is in this deal."""
    share: Share | None = None
    """Its part among the parties of the same role, 0 to 1."""
    known_on: PartialDate | None = None
    """A party from this day; left out means from the first event."""
    note: Prose | None = None
    """What is worth saying, in our own words."""


class Event(LedgerModel):
    """A public change in what was known of the deal. Events are added, never edited."""

    known_on: PartialDate
    """The day on which it became public; a month or year counts as its last day."""
    retold: Boolean | None = None
    """true when the documents cited are all dated later than known_on, and tell of that day."""
    kind: EventKind
    """What happened."""
    commitment: Commitment
    """How firm the deal is after the event."""
    capacity_gw: Capacity | None = None
    """Total contracted capacity after the event, where stated."""
    capacity_note: Prose | None = None
    """What is said of capacity without a figure."""
    online_gw: Capacity | None = None
    """What runs after the event, part of the contracted capacity."""
    value_usd: Money | None = None
    """Total value after the event, where stated."""
    value_note: Prose | None = None
    """What is said of the value without a figure."""
    term: Term | None = None
    """When the contract runs, where stated."""
    phases: tuple[Phase, ...] | None = None
    """All phases from this event on; they replace the earlier list."""
    links: tuple[Link, ...] | None = None
    """All links from this event on; they replace the earlier list."""
    sources: Ids
    """Ids of the documents that show it."""


class Document(LedgerModel):
    """A document, described once and cited by its id everywhere."""

    id: Id
    """Id, unique over the whole ledger."""
    publisher: Line
    """Who published it."""
    title: Line
    """What it is, in our own words."""
    url: Url | None = None
    """Public address; null when none was found."""
    locator: Line | None = None
    """How to find it without an address, or the place inside it."""
    published_on: PartialDate | None = None
    """The day of publication, as far as it is known."""
    tier: Tier
    """How near it is to the fact."""
    read: Read
    """How far the document itself was read."""
    reports_on: Url | None = None
    """Address of the document that this one retells."""
    note: Prose | None = None
    """What is worth saying, in our own words."""


class Deal(LedgerModel):
    """An announced deal: one file a deal, the id is the file name."""

    id: Id
    """Id in kebab-case, equal to the file name."""
    title: Line
    """What it is, in our own words."""
    kind: DealKind
    """What is bought or founded."""
    parties: Annotated[tuple[Party, ...], Field(min_length=1)]
    """Who takes part, and as what."""
    events: Annotated[tuple[Event, ...], Field(min_length=1)]
    """Every public change in what was known, oldest first."""
    phases: tuple[Phase, ...] | None = None
    """Phases that were there from the first event."""
    links: tuple[Link, ...] | None = None
    """Links to other deals, known from the first event."""
    confidence: Confidence
    """How well the documents bear the record."""
    notes: Prose | None = None
    """What the fields do not say, in our own words."""


class Organization(LedgerModel):
    """An organisation: one file an organisation, the id is the file name."""

    id: Id
    """Id in kebab-case, equal to the file name."""
    name: Line
    """Name in use."""
    kind: OrganizationKind
    """What it mainly is."""
    country: Country | None = None
    """Country of its seat, two letters."""
    ticker: Line | None = None
    """Ticker of its shares."""
    cik: Cik | None = None
    """SEC central index key, ten digits in quotes."""


class Span(LedgerModel):
    """The period that a claim is about."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    from_: Annotated[PartialDate, Field(alias="from")]
    """First period."""
    to: PartialDate
    """Last period."""


class Claimed(LedgerModel):
    """The figure that was claimed, in the claim's unit."""

    value: Figure | None = None
    """The figure; may be left out for a range."""
    qualifier: Qualifier
    """How the figure is to be read."""
    low: Figure | None = None
    """Lower bound, where one is stated."""
    high: Figure | None = None
    """Upper bound, where one is stated."""


class Claim(LedgerModel):
    """A public claim that the warehouse holds against what it measures."""

    id: Id
    """Id in kebab-case, equal to the file name."""
    title: Line
    """The claim, in our own words."""
    said_by: Id | None = None
    """Organisation that said it; null when it is not in the ledger."""
    known_on: PartialDate
    """The day on which it became public."""
    retold: Boolean | None = None
    """true when the documents cited are all dated later than known_on, and tell of that day."""
    measure: ClaimMeasure
    """What the warehouse computes beside it."""
    claimed: Claimed
    """The figure."""
    unit: Unit
    """Its unit."""
    org: Id | None = None
    """Whom it is about; null means everyone."""
    span: Span | None = None
    """The period that it is about."""
    sources: Ids
    """Ids of the documents that show it."""
    disputed_by: tuple[Id, ...] | None = None
    """Ids of the documents that contradict it."""
    confidence: Confidence
    """How well the documents bear the record."""
    notes: Prose | None = None
    """What the fields do not say, in our own words."""


class Assumption(LedgerModel):
    """A cited figure that a calculation may rest on."""

    id: Id
    """Id, unique among assumptions."""
    topic: AssumptionTopic
    """What it is about."""
    metric: Line
    """What exactly is measured."""
    org: Id | None = None
    """The organisation that it is about."""
    value: Figure
    """The figure."""
    low: Figure | None = None
    """Lower bound, where one is stated."""
    high: Figure | None = None
    """Upper bound, where one is stated."""
    unit: Unit
    """Its unit."""
    as_of: PartialDate
    """The day or period that the figure is for."""
    known_on: PartialDate | None = None
    """The day on which it became public; left out means the last day of as_of."""
    retold: Boolean | None = None
    """true when the documents cited are all dated later than known_on, and tell of that day."""
    basis: AssumptionBasis
    """How it came about."""
    sources: tuple[Id, ...]
    """Ids of the documents that show it; only an input of a model may have none."""
    confidence: Confidence
    """How well the documents bear the record."""
    notes: Prose | None = None
    """What the fields do not say, in our own words."""


class ScenarioInput(LedgerModel):
    """The assumption that a scenario uses, and how."""

    assumption: Id
    """Id of the assumption."""
    take: Take
    """Which of its figures."""
    transform: Transform | None = None
    """What is done to the figure."""
    tokens_per_prompt: PromptTokens | None = None
    """Tokens that one prompt is taken to have."""


class ScenarioMetric(LedgerModel):
    """Which assumptions feed the three scenarios of a metric."""

    metric: Annotated[
        str,
        forms.TextForm(
            rule="metric",
            allowed="small letters, digits and underscores",
            remedy="write it in snake_case, as usd_per_gw",
            longest=60,
            pattern=r"[a-z][a-z0-9_]*",
        ),
    ]
    """Name of the metric, unique among scenarios."""
    unit: Unit
    """Unit after the transform."""
    low: ScenarioInput
    """The low scenario."""
    base: ScenarioInput
    """The middle scenario."""
    high: ScenarioInput
    """The high scenario."""
    notes: Prose | None = None
    """Why these were chosen."""


class Period(LedgerModel):
    """The span over which tokens were counted."""

    kind: PeriodKind
    """Length of the span."""
    of: PartialDate
    """The day, or the first day of the span."""
    to: PartialDate | None = None
    """Last day of a cumulative count."""


class TokenCount(LedgerModel):
    """A count of tokens in the period."""

    value: Tokens | None = None
    """Plain tokens, as 480e12; may be left out for a range."""
    qualifier: Qualifier
    """How the figure is to be read."""
    low: Tokens | None = None
    """Lower bound, where one is stated."""
    high: Tokens | None = None
    """Upper bound, where one is stated."""


class TokenObservation(LedgerModel):
    """A published token volume; organisation, scope and measure name its series."""

    id: Id
    """Id, unique among observations."""
    org: Id
    """Whose tokens."""
    scope: Line
    """Which of its products or channels."""
    measure: TokenMeasure
    """What was counted."""
    level: TokenLevel
    """Whose tokens the series counts."""
    period: Period
    """The span over which they were counted."""
    tokens: TokenCount
    """How many."""
    basis: TokenBasis
    """How the figure came about."""
    known_on: PartialDate
    """The day on which it became public."""
    retold: Boolean | None = None
    """true when the documents cited are all dated later than known_on, and tell of that day."""
    sources: Ids
    """Ids of the documents that show it."""
    confidence: Confidence
    """How well the documents bear the record."""
    notes: Prose | None = None
    """What the fields do not say, in our own words."""


class CapexRow(LedgerModel):
    """A figure of capital expenditure, guidance, backlog or supplier revenue."""

    id: Id
    """Id, unique among capex rows."""
    org: Id
    """Whose figure."""
    kind: CapexKind
    """What the row is."""
    metric: CapexMetric
    """The company's own definition of the amount."""
    period_end: PartialDate | None = None
    """Last day of the period, or the day of a backlog."""
    calendar_quarter: Quarter | None = None
    """The nearest calendar quarter, as 2026Q3."""
    calendar_span: Line | None = None
    """The span in calendar terms when it is not a quarter."""
    fiscal_quarter: Line | None = None
    """The company's own name of the period, as FY2026Q4."""
    for_period: Line | None = None
    """The period that guidance is for, as CY2026."""
    known_on: PartialDate | None = None
    """The day on which it became public; left out for actuals means that of its documents."""
    retold: Boolean | None = None
    """true when the documents cited are all dated later than known_on, and tell of that day."""
    amount_usd: DollarQuantity | None = None
    """The amount; null when only words were given."""
    basis: CapexBasis
    """How the figure came about."""
    sources: Ids
    """Ids of the documents that show it."""
    confidence: Confidence
    """How well the documents bear the record."""
    notes: Prose | None = None
    """What the fields do not say, in our own words."""
