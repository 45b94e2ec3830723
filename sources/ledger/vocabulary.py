"""Every closed word list of the ledger, each word with its meaning.

A list reaches the warehouse as rows of `raw_ledger.vocabulary`, the editor through the JSON
Schemas, and a refusal through the list of what is allowed. Nothing else repeats the words. A new
word is one line here, then `make schemas`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sources.ledger.forms import describe, refuse_empty


class Vocabulary(StrEnum):
    """A closed list; a member is its word and knows its meaning and its rank in the list."""

    meaning: str
    rank: int

    def __new__(cls, word: str, meaning: str, rank: int | None = None) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.meaning = meaning
        member.rank = len(cls.__members__) + 1 if rank is None else rank
        return member

    @classmethod
    def read(cls, value: Any) -> Self:
        """Return the member named by `value`, or refuse with the words that are allowed."""
        if value is None:
            raise refuse_empty()
        member = cls._value2member_map_.get(value) if isinstance(value, str) else None
        if not isinstance(member, cls):
            near = difflib.get_close_matches(str(value), list(cls), n=1)
            raise PydanticCustomError(
                "form",
                "{message}",
                {
                    "rule": "unknown_word",
                    "message": f"found {describe(value)}; allowed is one of {', '.join(cls)}",
                    "remedy": f"did you mean {near[0]}?" if near else "use one of these words",
                },
            )
        return member

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        # Editors show markdownEnumDescriptions beside each completion; other readers skip it.
        return {
            "type": "string",
            "enum": list(cls),
            "markdownEnumDescriptions": [member.meaning for member in cls],
        }


class DealKind(Vocabulary):
    """What is bought or founded; the layer of the deal follows from it."""

    COMPUTE_SUPPLY = "compute_supply", "chips or systems are sold or leased"
    CLOUD_SERVICES = "cloud_services", "compute is rented as a service"
    DATACENTER_LEASE = "datacenter_lease", "a data center or part of one is leased"
    DATACENTER_DEVELOPMENT = "datacenter_development", "a data center is built for someone"
    POWER_SUPPLY = "power_supply", "electricity or generation for a site"
    EQUITY_INVESTMENT = "equity_investment", "shares are bought or promised"
    DEBT_FINANCING = "debt_financing", "money is lent, or a debt is guaranteed"
    ACQUISITION = "acquisition", "a company or its assets are bought"
    JOINT_VENTURE = "joint_venture", "several parties found a common undertaking"
    EXPANSION_PLAN = "expansion_plan", "an own intention or a total, without a counterparty"


class PartyRole(Vocabulary):
    """What a party is in a deal; who pays whom follows from kind and role."""

    CUSTOMER = "customer", "buys chips, compute, a site or power"
    TENANT = "tenant", "leases a site"
    SPONSOR = "sponsor", "stands behind a plan or a venture"
    DEVELOPER = "developer", "builds a site"
    OPERATOR = "operator", "runs a site"
    LANDLORD = "landlord", "owns a site and leases it out"
    CLOUD_PROVIDER = "cloud_provider", "rents out compute"
    CHIP_VENDOR = "chip_vendor", "makes the chips"
    SUPPLIER = "supplier", "sells systems or something else than chips"
    POWER_SUPPLIER = "power_supplier", "sells electricity or generation"
    INVESTOR = "investor", "buys shares"
    INVESTEE = "investee", "issues or hands over shares"
    LENDER = "lender", "lends money"
    BORROWER = "borrower", "owes money"
    ACQUIRER = "acquirer", "buys a company"
    TARGET = "target", "is bought"
    GUARANTOR = "guarantor", "answers for the debt or lease of another party"


class EventKind(Vocabulary):
    """What happened to public knowledge of a deal."""

    REPORTED = "reported", "press or a filing speaks of it, the parties do not"
    ANNOUNCED = "announced", "a party made it public"
    SIGNED = "signed", "a contract was signed"
    AMENDED = "amended", "terms changed, or were stated more closely or once more"
    EXPANDED = "expanded", "the total grew; the figures state the new total"
    REDUCED = "reduced", "the total shrank; the figures state the new total"
    CLOSED = "closed", "the money moved, or the transaction took effect"
    CAPACITY_ONLINE = "capacity_online", "part of the capacity began to run"
    COMPLETED = "completed", "all that was promised is there"
    DISPUTED = "disputed", "someone says that it is not so; the commitment stays"
    CANCELLED = "cancelled", "it will not happen"


class Commitment(Vocabulary):
    """How firm a deal is after an event; the rank is the rung of the ladder."""

    CANCELLED = "cancelled", "given up", 0
    RUMOURED = "rumoured", "reported, not confirmed by a party", 1
    PLAN = "plan", "a party's own stated intention", 2
    LETTER_OF_INTENT = "letter_of_intent", "the parties agreed to negotiate", 3
    FRAMEWORK = "framework", "agreed in outline, orders to follow", 4
    DEFINITIVE = "definitive", "a binding contract", 5
    DELIVERED = "delivered", "performed: running, paid or closed", 6


class Qualifier(Vocabulary):
    """How a stated figure is to be read; its bounds follow from it."""

    EXACT = "exact", "as stated"
    ABOUT = "about", "rounded, or called approximate"
    UP_TO = "up_to", "a ceiling"
    AT_LEAST = "at_least", "a floor"
    RANGE = "range", "between low and high"


class PowerBasis(Vocabulary):
    """At which point a gigawatt is measured."""

    IT = "it", "at the servers"
    FACILITY = "facility", "the whole site, cooling included"
    UTILITY = "utility", "grid supply or generation"
    UNSPECIFIED = "unspecified", "the documents do not say"


class Relation(Vocabulary):
    """How a deal stands to the deal that it links to."""

    PART_OF = "part_of", "its capacity and money lie inside the other's"
    OVERLAPS = "overlaps", "some of its capacity or money is the same as the other's"
    SUPERSEDES = "supersedes", "takes the place of the other"
    SUPPLIES = "supplies", "what it buys serves the other"
    FUNDS = "funds", "its money pays for the other"
    FINANCED_BY = "financed_by", "the other's money pays for it"


class Confidence(Vocabulary):
    """How well the documents bear the record; the rank orders it."""

    LOW = "low", "one secondary document", 1
    MEDIUM = "medium", "two independent secondary documents", 2
    HIGH = "high", "a primary document was read", 3


class Tier(Vocabulary):
    """How near a document is to the fact."""

    PRIMARY = "primary", "by a party, a regulator or a court"
    SECONDARY = "secondary", "by a newsroom or an analyst with sources of its own"
    TERTIARY = "tertiary", "retells other documents"


class Read(Vocabulary):
    """How far a document itself was read."""

    NOT_READ = "not_read", "known through others only", 1
    EXCERPT = "excerpt", "a part or an extract was read", 2
    FULL = "full", "read as a whole", 3


class OrganizationKind(Vocabulary):
    """What an organisation mainly is."""

    AI_LAB = "ai_lab", "trains models"
    HYPERSCALER = "hyperscaler", "a very large cloud or internet company"
    NEOCLOUD = "neocloud", "rents out accelerators"
    CHIP_VENDOR = "chip_vendor", "designs chips or systems"
    MEMORY_VENDOR = "memory_vendor", "makes memory"
    FOUNDRY = "foundry", "makes chips for others"
    DATACENTER_DEVELOPER = "datacenter_developer", "builds or owns data centers"
    POWER_DEVELOPER = "power_developer", "builds generation or makes its equipment"
    UTILITY = "utility", "supplies a region with electricity"
    INVESTOR = "investor", "a fund or an asset manager"
    BANK = "bank", "lends"
    GOVERNMENT = "government", "a state or its body"
    OTHER = "other", "none of these, or a market as a whole"


class TokenMeasure(Vocabulary):
    """What was counted; different measures are different series."""

    PROCESSED = "processed", "input and output tokens"
    GENERATED = "generated", "output tokens alone"
    CONSUMED = "consumed", "tokens used by a customer or a country"
    PEAK_PROCESSED = "peak_processed", "the highest rate reached; never normalised"


class TokenLevel(Vocabulary):
    """Whose tokens a series counts."""

    PROVIDER_TOTAL = "provider_total", "all that a provider serves"
    PROVIDER_PART = "provider_part", "a product or channel of a provider"
    ROUTER = "router", "what passes through a router or a gateway"
    CUSTOMER = "customer", "what an organisation uses"
    COUNTRY = "country", "a country or region"
    WORLD_ESTIMATE = "world_estimate", "an estimate for the whole world"


class TokenBasis(Vocabulary):
    """How a token figure came about."""

    STATED = "stated", "the organisation said it"
    MEASURED = "measured", "counted by the one who publishes it"
    DERIVED = "derived", "calculated from stated figures"
    ESTIMATE = "estimate", "estimated by a third party"


class PeriodKind(Vocabulary):
    """The span over which tokens were counted."""

    MINUTE = "minute", "tokens a minute"
    DAY = "day", "tokens a day"
    WEEK = "week", "tokens a week"
    MONTH = "month", "tokens in a month"
    QUARTER = "quarter", "tokens in a quarter"
    HALF = "half", "tokens in half a year"
    YEAR = "year", "tokens in a year"
    CUMULATIVE = "cumulative", "tokens from the first to the last day stated"


class CapexKind(Vocabulary):
    """What a row of the capex series is."""

    CAPEX_ACTUAL = "capex_actual", "capital expenditure of a past period"
    CAPEX_GUIDANCE = "capex_guidance", "capital expenditure that was foretold"
    BACKLOG = "backlog", "contracted revenue not yet earned, on a day"
    SUPPLY_REVENUE = "supply_revenue", "revenue of a supplier in a past period"


class CapexMetric(Vocabulary):
    """The company's own definition of the amount."""

    PURCHASES = (
        "purchases_of_property_and_equipment",
        "cash purchases in the cash-flow statement",
    )
    COMPANY_MEASURE = "capex_company_measure", "the company's own measure"
    WITH_LEASE_PRINCIPAL = (
        "capex_including_finance_lease_principal",
        "purchases and principal payments on finance leases",
    )
    WITH_LEASES = (
        "capex_including_finance_leases",
        "purchases and assets taken under finance leases",
    )
    GUIDANCE = "capex_guidance", "as the company guides"
    RPO = "remaining_performance_obligations", "contracted revenue not yet recognised"
    COMMERCIAL_RPO = (
        "commercial_remaining_performance_obligations",
        "the commercial part of contracted revenue not yet recognised",
    )
    REVENUE_BACKLOG = "revenue_backlog", "backlog by the company's own definition"
    CLOUD_BACKLOG = "cloud_backlog", "backlog of the cloud segment"
    AWS_BACKLOG = "aws_backlog", "backlog of Amazon Web Services"
    DATA_CENTER_REVENUE = "data_center_revenue", "revenue of the data-center segment"


class CapexBasis(Vocabulary):
    """How a capex figure came about."""

    REPORTED = "reported", "in a filing or a financial statement"
    STATED = "stated", "said by the company"
    DIFFERENCE = "difference", "a total less its other parts"


class AssumptionTopic(Vocabulary):
    """What an assumption is about."""

    CAPEX_PER_GW = "capex_per_gw", "capital cost of a gigawatt"
    CAPEX_SPLIT = "capex_split", "how the capital cost divides"
    CHIPS_PER_GW = "chips_per_gw", "chips that a gigawatt feeds"
    ACCELERATOR_POWER = "accelerator_power", "power of a chip or system"
    PUE = "pue", "power of the site over power of the servers"
    UTILISATION = "utilisation", "share of time or capacity in use"
    THROUGHPUT = "throughput", "tokens a second or a joule"
    ENERGY_PER_PROMPT = "energy_per_prompt", "energy of one prompt"
    PRICE_PER_MILLION_TOKENS = "price_per_million_tokens", "price of tokens"
    GPU_RENTAL = "gpu_rental", "price of an accelerator hour"
    DEPRECIATION = "depreciation", "years of use"
    POWER_TOTALS = "power_totals", "power of all data centers or AI"
    DEMAND_GROWTH = "demand_growth", "growth of demand"


class AssumptionBasis(Vocabulary):
    """How an assumed figure came about."""

    STATED = "stated", "said by one who should know"
    MEASURED = "measured", "measured or benchmarked"
    DERIVED = "derived", "calculated from stated figures"
    ESTIMATE = "estimate", "estimated by a third party"
    MODEL_INPUT = "model input", "chosen as an input of a model"


class ClaimMeasure(Vocabulary):
    """What the warehouse computes beside a claim."""

    ANNOUNCED_SPEND_USD = (
        "announced_spend_usd",
        "announced commitments to spend of the payer, less what is passed through or eliminated",
    )
    ANNOUNCED_NET_GW = "announced_net_gw", "net announced capacity of the customer"
    ANNOUNCED_CHIPS_GW = "announced_chips_gw", "chips layer of the customer"
    PLAN_GW = "plan_gw", "capacity of the largest plan"
    PLAN_USD = "plan_usd", "money of the largest plan"
    USD_PER_GW = (
        "usd_per_gw",
        "median of value over capacity of the definitive deals that state both",
    )
    TOKEN_GROWTH_FACTOR = (
        "token_growth_factor",
        "yearly growth factor of each comparable series over the span",
    )
    TOKENS_PER_MONTH = "tokens_per_month", "tokens a month of a series"
    CAPEX_USD_YEAR = "capex_usd_year", "capital expenditure of a year"


class Unit(Vocabulary):
    """Units of assumptions, claims and scenarios."""

    USD = "usd", "US dollars"
    USD_PER_GW = "usd_per_gw", "US dollars a gigawatt, basis as the notes say"
    USD_PER_GW_IT = "usd_per_gw_it", "US dollars a gigawatt at the servers"
    USD_PER_GW_FACILITY = "usd_per_gw_facility", "US dollars a gigawatt of the whole site"
    USD_PER_GW_IT_YEAR = "usd_per_gw_it_year", "US dollars a gigawatt at the servers a year"
    USD_PER_MW = "usd_per_mw", "US dollars a megawatt"
    EUR_PER_MW = "eur_per_mw", "euros a megawatt"
    USD_PER_CHIP = "usd_per_chip", "US dollars a chip"
    USD_PER_RACK = "usd_per_rack", "US dollars a rack"
    USD_PER_GPU_HOUR = "usd_per_gpu_hour", "US dollars an accelerator hour"
    USD_PER_MILLION_TOKENS = "usd_per_million_tokens", "US dollars a million tokens"
    GW = "gw", "gigawatts"
    TWH_PER_YEAR = "twh_per_year", "terawatt hours a year"
    WATT_HOUR = "watt_hour", "watt hours"
    WATT_PER_CHIP = "watt_per_chip", "watts a chip"
    KW_PER_SYSTEM = "kw_per_system", "kilowatts a system"
    KW_PER_H100E = "kw_per_h100e", "kilowatts an H100 equivalent"
    CHIPS_PER_GW = "chips_per_gw", "chips a gigawatt, basis as the notes say"
    CHIPS_PER_GW_IT = "chips_per_gw_it", "chips a gigawatt at the servers"
    DIES_PER_GW = "dies_per_gw", "dies a gigawatt"
    H100E = "h100e", "H100 equivalents"
    H100E_PER_MW_IT = "h100e_per_mw_it", "H100 equivalents a megawatt at the servers"
    TOKENS_PER_JOULE = "tokens_per_joule", "tokens a joule"
    JOULES_PER_TOKEN = "joules_per_token", "joules a token"
    TOKENS_PER_MONTH = "tokens_per_month", "tokens in 30.4375 days"
    TOKENS_PER_S_PER_CHIP = "tokens_per_s_per_chip", "tokens a second a chip"
    OUTPUT_TOKENS_PER_S_PER_CHIP = (
        "output_tokens_per_s_per_chip",
        "output tokens a second a chip",
    )
    MULTIPLE = "multiple", "times as much"
    MULTIPLE_PER_YEAR = "multiple_per_year", "times as much a year later"
    RATIO = "ratio", "one quantity over another of the same unit"
    SHARE = "share", "part of the whole, 0 to 1"
    SHARE_PER_MONTH = "share_per_month", "part of the whole a month"
    SHARE_PER_YEAR = "share_per_year", "part of the whole a year"
    YEARS = "years", "years"


class Scenario(Vocabulary):
    """The three scenarios of a metric."""

    LOW = "low", "low end", 1
    BASE = "base", "the middle", 2
    HIGH = "high", "high end", 3


class Take(Vocabulary):
    """Which figure of an assumption a scenario takes."""

    VALUE = "value", "the stated value"
    LOW = "low", "its lower bound"
    HIGH = "high", "its upper bound"


class Transform(Vocabulary):
    """What is done to the figure before it is used."""

    RECIPROCAL = "reciprocal", "one divided by it"
    WATT_HOURS_A_PROMPT = "watt_hours_a_prompt", "3,600 joules a watt hour over tokens a prompt"


# The name under which each list stands in `raw_ledger.vocabulary`.
VOCABULARIES: dict[str, type[Vocabulary]] = {
    "deal_kind": DealKind,
    "party_role": PartyRole,
    "event_kind": EventKind,
    "commitment": Commitment,
    "qualifier": Qualifier,
    "power_basis": PowerBasis,
    "relation": Relation,
    "confidence": Confidence,
    "tier": Tier,
    "read": Read,
    "organization_kind": OrganizationKind,
    "token_measure": TokenMeasure,
    "token_level": TokenLevel,
    "token_basis": TokenBasis,
    "period_kind": PeriodKind,
    "capex_kind": CapexKind,
    "capex_metric": CapexMetric,
    "capex_basis": CapexBasis,
    "assumption_topic": AssumptionTopic,
    "assumption_basis": AssumptionBasis,
    "claim_measure": ClaimMeasure,
    "unit": Unit,
    "scenario": Scenario,
    "take": Take,
    "transform": Transform,
}


class VocabularyRow(NamedTuple):
    """A row of `raw_ledger.vocabulary`."""

    vocabulary: str
    word: str
    rank: int
    meaning: str


def list_words() -> Iterator[VocabularyRow]:
    """Yield every word of every list."""
    for name, words in VOCABULARIES.items():
        for member in words:
            yield VocabularyRow(name, member.value, member.rank, member.meaning)
