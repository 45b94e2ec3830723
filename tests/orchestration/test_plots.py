"""Plots stand where the figures say, bounds and all, and a title in the ledger cannot break them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest

from orchestration.plots import (
    LEFT,
    PLANE_HEIGHT,
    PLANE_WIDTH,
    PLOTS,
    TOP,
    draw_plots,
)

_SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    file = tmp_path / "release.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.commitments_history (
                month_end date, customer_id varchar, gross_gw_base decimal(18, 9),
                net_gw_low decimal(18, 9), net_gw_base decimal(18, 9), net_gw_high decimal(18, 9),
                firm_gw_base decimal(18, 9)
            );
            insert into marts.commitments_history values
                ('2025-12-31', 'all', 20, 5, 10, 10, null), ('2026-02-28', 'all', 40, 10, 20, 30, 5),
                ('2025-12-31', 'openai', 900, 900, 900, 900, 900);
            create table marts.token_volume_monthly (
                org_id varchar, scope varchar, measure varchar, month date,
                tokens_per_month_low double, tokens_per_month_base double,
                tokens_per_month_high double
            );
            insert into marts.token_volume_monthly values
                ('evil', '"/><script>alert(1)</script>', 'processed', '2026-01-01', 1e12, 1e12, 1e13),
                ('evil', '"/><script>alert(1)</script>', 'processed', '2026-02-01', 1e13, 1e14, 1e14);
            """
        )
    return file


def _draw(release: Path, number: int) -> ElementTree.Element:
    text = draw_plots(release)[PLOTS[number].title]
    found = re.fullmatch(r"!\[.*\]\(data:image/svg\+xml;base64,(.*)\)\n\n.+", text)
    assert found
    return ElementTree.fromstring(base64.b64decode(found[1]))


def _corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = element.attrib["points"].split()
    return [(float(across), float(down)) for across, down in (pair.split(",") for pair in pairs)]


def _texts(picture: ElementTree.Element) -> list[str]:
    return [str(element.text) for element in picture.iter(f"{_SVG}text")]


def test_gigawatts_stand_where_the_figures_say_with_their_bounds(release: Path) -> None:
    picture = _draw(release, 0)

    assert [text for text in _texts(picture) if text in ("gross", "net", "firm")] == [
        "gross",
        "net",
        "firm",
    ]
    gross, net, firm = (_corners(line) for line in picture.iter(f"{_SVG}polyline"))
    # From 0 to 40: the others' rows are not drawn.
    right, half = LEFT + PLANE_WIDTH, TOP + PLANE_HEIGHT / 2
    assert gross == [(LEFT, half), (right, TOP)]
    assert net == [(LEFT, TOP + PLANE_HEIGHT * 0.75), (right, half)]
    # A gap is no nought.
    assert firm == [(right, TOP + PLANE_HEIGHT * 0.875)]
    band = _corners(list(picture.iter(f"{_SVG}polygon"))[1])
    assert band[1:3] == [(right, TOP + PLANE_HEIGHT * 0.25), (right, TOP + PLANE_HEIGHT * 0.75)]
    assert "2026" in _texts(picture)


def test_tokens_stand_on_a_logarithmic_scale_and_a_hostile_name_stays_text(release: Path) -> None:
    picture = _draw(release, 1)

    (line,) = picture.iter(f"{_SVG}polyline")
    assert _corners(line) == [(LEFT, TOP + PLANE_HEIGHT), (LEFT + PLANE_WIDTH, TOP)]
    assert {"10^12", "10^13", "10^14"} <= set(_texts(picture))
    assert list(picture.iter(f"{_SVG}script")) == []
    assert any(text.startswith('evil: "/><script>') for text in _texts(picture))


def test_what_a_release_does_not_have_is_not_drawn(release: Path) -> None:
    with duckdb.connect(release) as connection:
        connection.execute("drop table marts.commitments_history")
        connection.execute("truncate marts.token_volume_monthly")

    assert draw_plots(release) == {}
