"""What a single value may look like: text, ids, days, figures, addresses.

A form is stated once and serves three readers: pydantic (`read`), the editor (`json_schema`) and
DuckDB (`sql_holds`, for records that arrive in bulk and never pass through Python). What must hold
between several fields is not here but in `checks.py`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from sources.ledger.control import CONTROL
from sources.sql import quote_text


def describe(value: Any) -> str:
    """Name a value in a message, shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    shown = str(value) if isinstance(value, Decimal | int) else repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def refuse_empty() -> PydanticCustomError:
    """Build the error for a field that must be filled and is null."""
    return PydanticCustomError(
        "form",
        "{message}",
        {"rule": "missing_field", "message": "the field is empty", "remedy": "fill it"},
    )


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form of a value: the rule that a bad one breaks, what is allowed, what to do."""

    rule: str
    allowed: str
    remedy: str

    def refuse(self, value: Any, remedy: str | None = None) -> PydanticCustomError:
        """Build the error for a value that is not of this form."""
        message = f"found {describe(value)}; allowed is {self.allowed}"
        return PydanticCustomError(
            "form",
            "{message}",
            {"rule": self.rule, "message": message, "remedy": remedy or self.remedy},
        )

    def read(self, value: Any) -> Any:
        """Return the value in its Python type, or raise."""
        raise NotImplementedError

    def _read_filled(self, value: Any) -> Any:
        if value is None:
            raise refuse_empty()
        return self.read(value)

    def sql_holds(self, value: str) -> str:
        """Return SQL that is true when the non-null expression `value` is of this form."""
        raise NotImplementedError

    def json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the form."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read_filled)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.json_schema()


@dataclass(frozen=True, kw_only=True)
class TextForm(Form):
    """Text that says something, of bounded length, optionally of one pattern."""

    longest: int
    pattern: str | None = None

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            scalar = isinstance(value, Decimal | int)
            raise self.refuse(value, "put it in quotes, so that it is text" if scalar else None)
        if not value.strip(" \t\n") or len(value) > self.longest or re.search(CONTROL, value):
            raise self.refuse(value)
        if self.pattern is not None and not re.fullmatch(self.pattern, value):
            raise self.refuse(value)
        return str(value)

    def sql_holds(self, value: str) -> str:
        text = f"cast({value} as varchar)"
        if self.pattern is not None:
            return (
                f"(length({text}) <= {self.longest}"
                f" and regexp_full_match({text}, {quote_text(self.pattern)}))"
            )
        return (
            f"(length({text}) <= {self.longest} and length(trim({text}, e' \\t\\n')) > 0"
            f" and not regexp_matches({text}, {quote_text(CONTROL)}))"
        )

    def json_schema(self) -> dict[str, Any]:
        schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": self.longest}
        if self.pattern is not None:
            schema["pattern"] = f"^(?:{self.pattern})$"
        return schema


@dataclass(frozen=True, kw_only=True)
class DateForm(Form):
    """A day, or a month, quarter, half or year where the document says no more."""

    pattern: str = (
        r"(?:19|20|21)[0-9]{2}"
        r"(?:-(?:Q[1-4]|H[12]|(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12][0-9]|3[01]))?))?"
    )

    def read(self, value: Any) -> str:
        # A bare year is a number in YAML.
        text = str(value) if isinstance(value, str | Decimal | int) else ""
        if not re.fullmatch(self.pattern, text):
            raise self.refuse(value)
        if len(text) == 10:
            year, month, day = (int(part) for part in text.split("-"))
            if day > calendar.monthrange(year, month)[1]:
                raise self.refuse(value, "there is no such day in the calendar; correct it")
        return text

    def sql_holds(self, value: str) -> str:
        text = f"cast({value} as varchar)"
        return (
            f"(regexp_full_match({text}, {quote_text(self.pattern)})"
            f" and (length({text}) < 10 or try_cast({text} as date) is not null))"
        )

    def json_schema(self) -> dict[str, Any]:
        return {
            "anyOf": [
                {"type": "string", "pattern": f"^(?:{self.pattern})$"},
                {"type": "integer", "minimum": 1900, "maximum": 2199},
            ]
        }


# Wide enough to round any figure within bounds without losing a digit before the point.
_WIDE = Context(prec=80)

_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?"


@dataclass(frozen=True, kw_only=True)
class NumberForm(Form):
    """An exact decimal within bounds, with no more decimals than its column holds.

    `least_non_zero` catches a figure given in the wrong unit (300 for 300e9 dollars).
    """

    low: Decimal
    high: Decimal
    precision: int
    scale: int
    least_non_zero: Decimal = field(default=Decimal(0))

    @property
    def sql_type(self) -> str:
        """The column type that holds the figure exactly."""
        return f"decimal({self.precision}, {self.scale})"

    def read(self, value: Any) -> Decimal:
        if isinstance(value, str):
            if not re.fullmatch(_NUMBER, value):
                raise self.refuse(value)
            try:
                value = Decimal(value)
            except InvalidOperation as error:
                raise self.refuse(value) from error
        elif isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        # A float has lost its text already and cannot be exact.
        if not isinstance(value, Decimal) or not value.is_finite():
            raise self.refuse(value)
        if not self.low <= value <= self.high or 0 < abs(value) < self.least_non_zero:
            raise self.refuse(value)
        if value != value.quantize(Decimal(1).scaleb(-self.scale), context=_WIDE):
            raise self.refuse(value, f"give at most {self.scale} decimals")
        return value

    def sql_holds(self, value: str) -> str:
        number = f"try_cast({value} as {self.sql_type})"
        holds = f"{number} between {self.low} and {self.high}"
        if self.least_non_zero:
            holds += f" and ({number} = 0 or abs({number}) >= {self.least_non_zero})"
        # A cast of text takes more than a number looks like (1_000), and rounds in silence.
        text = f"cast({value} as varchar)"
        fraction = f"length(rtrim(regexp_extract({text}, '[.]([0-9]*)', 1), '0'))"
        power = f"coalesce(try_cast(regexp_extract({text}, '[eE](.*)', 1) as integer), 0)"
        written = (
            f"regexp_full_match({text}, {quote_text(_NUMBER)})"
            f" and {fraction} - {power} <= {self.scale}"
        )
        return f"coalesce((typeof({value}) <> 'VARCHAR' or ({written})) and {holds}, false)"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": float(self.low), "maximum": float(self.high)}


@dataclass(frozen=True, kw_only=True)
class BooleanForm(Form):
    """true or false; not the yes and no of older YAML."""

    rule: str = "boolean"
    allowed: str = "true or false"
    remedy: str = "write true or false, without quotes"

    def read(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(value)
        return value

    def sql_holds(self, value: str) -> str:
        return f"cast({value} as varchar) in ('true', 'false')"

    def json_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


ID = TextForm(
    rule="id",
    allowed="small letters a to z, digits and single hyphens between them, at most 120",
    remedy="write it in kebab-case, as openai-oracle-4-5gw",
    longest=120,
    pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*",
)
LINE = TextForm(
    rule="text",
    allowed="text of 1 to 500 characters without control characters",
    remedy="write a short text in your own words",
    longest=500,
)
PROSE = TextForm(
    rule="text",
    allowed="text of 1 to 10,000 characters without control characters",
    remedy="write it in your own words, or leave the field out",
    longest=10_000,
)
URL = TextForm(
    rule="url",
    allowed="an address that begins with http:// or https:// and has no spaces",
    remedy="give the public address of the document, or null if there is none",
    longest=2_000,
    pattern=r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?#][^\s<>\"\x00-\x1f\x7f]*)?",
)
COUNTRY = TextForm(
    rule="country",
    allowed="a country code of two capital letters (ISO 3166-1)",
    remedy="write it as US or GB, or null if there is none",
    longest=2,
    pattern=r"[A-Z]{2}",
)
CIK = TextForm(
    rule="cik",
    allowed="the ten digits of an SEC central index key, as text",
    remedy="write it in quotes with its leading zeros, as '0001341439'",
    longest=10,
    pattern=r"[0-9]{10}",
)
CURRENCY = TextForm(
    rule="currency",
    allowed="a currency code of three capital letters (ISO 4217)",
    remedy="write it as EUR or CNY",
    longest=3,
    pattern=r"[A-Z]{3}",
)
QUARTER = TextForm(
    rule="calendar_quarter",
    allowed="a calendar quarter, as 2026Q3",
    remedy="write the year and the quarter of the calendar, as 2026Q3",
    longest=6,
    pattern=r"(?:19|20|21)[0-9]{2}Q[1-4]",
)
DATE = DateForm(
    rule="partial_date",
    allowed="YYYY-MM-DD, YYYY-MM, YYYY-Qn, YYYY-Hn or YYYY",
    remedy="write the day as 2026-10-07, or only as much of it as the document says",
)
BOOLEAN = BooleanForm()
SEQUENCE = NumberForm(
    rule="seq",
    allowed="a whole number from 1 to 10000",
    remedy="number the phases 1, 2, 3",
    low=Decimal(1),
    high=Decimal(10_000),
    precision=9,
    scale=0,
)
GIGAWATTS = NumberForm(
    rule="gigawatts",
    allowed="gigawatts from 0 to 1000 with at most 9 decimals",
    remedy="is it megawatts? write gigawatts: 0.25 for 250 MW",
    low=Decimal(0),
    high=Decimal(1000),
    precision=18,
    scale=9,
)
US_DOLLARS = NumberForm(
    rule="us_dollars",
    allowed="plain US dollars: 0, or from 1000 to 100e12, with at most 2 decimals",
    remedy="is it millions or billions? write plain dollars: 300e9 for 300 billion",
    low=Decimal(0),
    high=Decimal(100_000_000_000_000),
    precision=20,
    scale=2,
    least_non_zero=Decimal(1000),
)
AMOUNT = NumberForm(
    rule="amount",
    allowed="a plain amount: 0, or from 1000 to 100e15, with at most 2 decimals",
    remedy="is it millions or billions? write the plain amount: 20e9 for 20 billion",
    low=Decimal(0),
    high=Decimal(100_000_000_000_000_000),
    precision=20,
    scale=2,
    least_non_zero=Decimal(1000),
)
SHARE = NumberForm(
    rule="share",
    allowed="a share from 0 to 1 with at most 6 decimals",
    remedy="is it a percentage? write 0.2 for 20 percent",
    low=Decimal(0),
    high=Decimal(1),
    precision=9,
    scale=6,
)
YEARS = NumberForm(
    rule="years",
    allowed="a number of years from 0 to 100 with at most 3 decimals",
    remedy="write the length of the term in years",
    low=Decimal(0),
    high=Decimal(100),
    precision=9,
    scale=3,
)
TOKENS = NumberForm(
    rule="tokens",
    allowed="a count of tokens from 0 to 1e24 with at most 3 decimals",
    remedy="write plain tokens: 480e12 for 480 trillion",
    low=Decimal(0),
    high=Decimal(10) ** 24,
    precision=38,
    scale=3,
)
PROMPT_TOKENS = NumberForm(
    rule="tokens_per_prompt",
    allowed="a count of tokens from 1 to 1e9 with at most 3 decimals",
    remedy="write how many tokens one prompt is taken to have",
    low=Decimal(1),
    high=Decimal(10) ** 9,
    precision=18,
    scale=3,
)
FIGURE = NumberForm(
    rule="figure",
    allowed="a figure from -1e20 to 1e20 with at most 9 decimals",
    remedy="write the figure in its unit",
    low=Decimal(-(10**20)),
    high=Decimal(10**20),
    precision=30,
    scale=9,
)
