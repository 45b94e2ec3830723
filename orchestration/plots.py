"""Small plots of a release for whoever opens it in the Dagster UI, as pictures inside its metadata.

They are drawn from a template, for they are two and need no library; the picture stands in the text
as a data address, so that the UI asks nobody for it.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from pathlib import Path

import duckdb
from jinja2 import Environment, FileSystemLoader

_TEMPLATE = "plot.svg.j2"

# Right of the plane stands what each line is.
WIDTH, HEIGHT, LEFT, TOP, PLANE_WIDTH, PLANE_HEIGHT = 780, 320, 60, 40, 460, 240
_STEPS_OF_SCALE = (1, 2, 2.5, 5, 10)
_MOST_STEPS = 5


@dataclass(frozen=True)
class Plot:
    """What is drawn of a table; without the table nothing is."""

    title: str
    table: str
    query: str
    """Gives line, day, low, base and high, in this order."""
    note: str
    is_logarithmic: bool = False


PLOTS = (
    Plot(
        title="Announced gigawatts, as known at the end of each month",
        table="marts.commitments_history",
        query="""
            with history as (
                from marts.commitments_history where customer_id = 'all' and net_gw_base is not null
            )
            select 'gross' as line, month_end, gross_gw_base, gross_gw_base, gross_gw_base
            from history
            union all
            select 'net', month_end, net_gw_low, net_gw_base, net_gw_high from history
            union all
            select 'firm', month_end, firm_gw_base, firm_gw_base, firm_gw_base
            from history where firm_gw_base is not null
            order by line, month_end
        """,
        note="All organisations, each deal once. The truth lies between net and gross.",
    ),
    Plot(
        title="Tokens a month, by series",
        table="marts.token_volume_monthly",
        query="""
            with longest as (
                select org_id, scope, measure
                from marts.token_volume_monthly
                group by all
                order by count(*) desc, org_id, scope, measure
                limit 7
            )
            select
                concat(org_id, ': ', scope) as line,
                month,
                tokens_per_month_low,
                tokens_per_month_base,
                tokens_per_month_high
            from marts.token_volume_monthly
            natural join longest
            where tokens_per_month_low > 0
            order by line, month
        """,
        note="The seven longest series, each counted its own way: never to be added.",
        is_logarithmic=True,
    ),
)


@dataclass(frozen=True)
class Point:
    """A line's value on a day, with its bounds."""

    line: str
    day: date
    low: float
    base: float
    high: float


def draw_plots(release_file: Path) -> dict[str, str]:
    """Return each plot of a release by its title, as Markdown that holds the picture."""
    found = {}
    with duckdb.connect(release_file, read_only=True) as connection:
        tables = {
            f"{schema}.{table}"
            for schema, table in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
        for plot in PLOTS:
            if plot.table in tables:
                rows = connection.execute(plot.query).fetchall()
                points = [
                    Point(line, day, float(low), float(base), float(high))
                    for line, day, low, base, high in rows
                ]
                if points:
                    found[plot.title] = _write_markdown(plot, draw(plot, points))
    return found


def _write_markdown(plot: Plot, picture: str) -> str:
    packed = base64.b64encode(picture.encode()).decode()
    return f"![{plot.title}](data:image/svg+xml;base64,{packed})\n\n{plot.note}"


def draw(plot: Plot, points: Sequence[Point]) -> str:
    """Return the SVG of points that stand in the order of their lines and days."""
    scale = _measure(plot, points)
    lines = [
        (name, list(group)) for name, group in itertools.groupby(points, key=attrgetter("line"))
    ]
    # The highest at the right end first, as the eye meets them.
    lines.sort(key=lambda line: -line[1][-1].base)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    )
    return environment.get_template(_TEMPLATE).render(
        plot=plot,
        lines=[(name, _trace(group, scale)) for name, group in lines],
        marks=list(scale.list_marks()),
        years=list(scale.list_years()),
        size=(WIDTH, HEIGHT),
        plane=(LEFT, TOP, PLANE_WIDTH, PLANE_HEIGHT),
    )


def _trace(points: Sequence[Point], scale: _Scale) -> Mapping[str, str]:
    """Return the corners of a line, and those of the band between its bounds."""
    places = [scale.place(point.day, point.base) for point in points]
    band = [scale.place(point.day, point.high) for point in points]
    band += [scale.place(point.day, point.low) for point in reversed(points)]
    return {"line": " ".join(places), "band": " ".join(band)}


@dataclass(frozen=True)
class _Scale:
    """Where days and values stand in the picture."""

    first: date
    last: date
    bottom: float
    top: float
    step: float
    is_logarithmic: bool

    def place(self, day: date, value: float) -> str:
        """Return the corner of a line."""
        return f"{self.across(day):.1f},{self.up(value):.1f}"

    def across(self, day: date) -> float:
        """Return how far right a day stands."""
        whole = max((self.last - self.first).days, 1)
        return LEFT + PLANE_WIDTH * (day - self.first).days / whole

    def up(self, value: float) -> float:
        """Return how far down a value stands."""
        if self.is_logarithmic:
            value = math.log10(max(value, 10**self.bottom))
        return TOP + PLANE_HEIGHT * (1 - (value - self.bottom) / (self.top - self.bottom))

    def list_marks(self) -> Iterator[tuple[float, str]]:
        """Yield the heights that are named, and their names."""
        for number in range(round((self.top - self.bottom) / self.step) + 1):
            value = self.bottom + number * self.step
            if self.is_logarithmic:
                yield self.up(10**value), f"10^{value:.0f}"
            else:
                yield self.up(value), f"{value:g}"

    def list_years(self) -> Iterator[tuple[float, str]]:
        """Yield where years begin, and which."""
        for year in range(self.first.year + 1, self.last.year + 1):
            yield self.across(date(year, 1, 1)), str(year)


def _measure(plot: Plot, points: Sequence[Point]) -> _Scale:
    """Return the scale that holds every point and its bounds."""
    days = [point.day for point in points]
    lowest, highest = min(point.low for point in points), max(point.high for point in points)
    if plot.is_logarithmic:
        bottom, top, step = math.floor(math.log10(lowest)), math.ceil(math.log10(highest)), 1.0
        return _Scale(min(days), max(days), bottom, max(top, bottom + 1), step, True)
    rough = (highest or 1) / _MOST_STEPS
    power = 10 ** math.floor(math.log10(rough))
    step = power * next(step for step in _STEPS_OF_SCALE if step * power >= rough)
    return _Scale(min(days), max(days), 0, step * math.ceil((highest or 1) / step), step, False)
