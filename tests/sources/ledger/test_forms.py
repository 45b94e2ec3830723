"""A form says the same to pydantic, to DuckDB and to the editor."""

from __future__ import annotations

from decimal import Decimal, localcontext

import duckdb
import jsonschema
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from sources.ledger import forms
from sources.ledger.forms import BooleanForm, DateForm, Form, NumberForm, TextForm
from sources.ledger.vocabulary import VOCABULARIES, Commitment, Confidence, list_words

FORMS = {name.lower(): form for name, form in vars(forms).items() if isinstance(form, Form)}

_NUMBERS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.decimals(min_value=-2, max_value=2_000, places=9).map(str),
    st.from_regex(r"[-+]?[0-9]{0,4}\.?[0-9]{0,12}([eE][-+]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["1_000", " 5 ", "0x10", "5.", ".5", "Infinity", "1e", "+5", "--5", "1e-40"]),
)
_DATES = st.one_of(
    st.dates().map(str),
    st.from_regex(r"[12][0-9]{3}(-[QH0-9][0-9]?(-[0-9]{2})?)?", fullmatch=True),
)
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[a-zA-Z0-9-]{1,10}", fullmatch=True),
    st.from_regex(r"https?://[a-z.]{0,5}[/ ?a-z\n]{0,5}", fullmatch=True),
    st.sampled_from(["x" * 120, "x" * 121, "x" * 500, "x" * 501, "x" * 10_001, "\t", "a\nb"]),
)


def _is_read(form: Form, value: str) -> bool:
    try:
        form.read(value)
    except PydanticCustomError:
        return False
    return True


def _agree(form: Form, values: list[str]) -> None:
    # DuckDB takes no NUL in text; a file that has one is refused before.
    values = [value for value in values if "\x00" not in value]
    held = duckdb.execute(
        f"select x, {form.sql_holds('x')} from (select unnest(?::varchar[]) as x)", [values]
    ).fetchall()
    # SQL may be stricter with powers of ten in quotes (5000e-3), never laxer.
    strict = isinstance(form, NumberForm)
    differing = {
        value
        for value, holds in held
        if holds != _is_read(form, value) and not (strict and "e" in value.lower() and not holds)
    }
    assert differing == set()


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(data=st.data())
def test_python_and_sql_hold_the_same_values(name: str, data: st.DataObject) -> None:
    form = FORMS[name]
    if isinstance(form, BooleanForm):
        # A boolean of JSON arrives in SQL as its word, a text of YAML is no boolean.
        rows = duckdb.execute(
            f"select {form.sql_holds('x')} from (values ('true'), ('false'), ('yes'), ('1')) t(x)"
        ).fetchall()
        assert rows == [(True,), (True,), (False,), (False,)]
        return
    strategy = {NumberForm: _NUMBERS, DateForm: _DATES, TextForm: _TEXTS}[type(form)]
    _agree(form, data.draw(st.lists(strategy, min_size=20, max_size=40)))


@pytest.mark.parametrize("name", FORMS)
def test_a_form_says_what_is_allowed_and_what_to_do(name: str) -> None:
    form = FORMS[name]
    assert form.rule
    assert form.allowed
    assert form.remedy
    jsonschema.Draft202012Validator.check_schema(form.json_schema())


@pytest.mark.parametrize(
    ("form", "low", "high"),
    [(form, form.low, form.high) for form in FORMS.values() if isinstance(form, NumberForm)],
)
def test_the_column_of_a_figure_holds_its_bounds(
    form: NumberForm, low: Decimal, high: Decimal
) -> None:
    with localcontext(prec=60):
        finest = Decimal(1).scaleb(-form.scale)
        inside = (low, high, high - finest)
        outside = (low - finest, high + finest, high - finest / 10)
    for value in inside:
        assert form.read(value) == value
        rows = duckdb.execute(f"select cast('{value:f}' as {form.sql_type})").fetchall()
        assert rows == [(value,)]
    for value in outside:
        with pytest.raises(PydanticCustomError):
            form.read(value)


def test_a_float_is_no_exact_figure() -> None:
    with pytest.raises(PydanticCustomError):
        forms.GIGAWATTS.read(0.1)


def test_every_word_has_a_meaning_and_a_rank_of_its_own() -> None:
    rows = list(list_words())
    assert all(row.meaning for row in rows)
    assert len({(row.vocabulary, row.word) for row in rows}) == len(rows)
    assert len({(row.vocabulary, row.rank) for row in rows}) == len(rows)
    assert {row.vocabulary for row in rows} == set(VOCABULARIES)


def test_the_ladders_are_ranked_from_their_lowest_rung() -> None:
    assert [(word.value, word.rank) for word in Commitment] == [
        ("cancelled", 0),
        ("rumoured", 1),
        ("plan", 2),
        ("letter_of_intent", 3),
        ("framework", 4),
        ("definitive", 5),
        ("delivered", 6),
    ]
    assert [(word.value, word.rank) for word in Confidence] == [
        ("low", 1),
        ("medium", 2),
        ("high", 3),
    ]
