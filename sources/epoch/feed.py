"""Epoch AI's open data.

Judgements made here:
- power is that of the whole site (facility): the one site for which a landlord gives both, Helios,
  stands here with its 200 MW gross, not its 133 MW of IT load;
- a row of a timeline after the day of the snapshot is a projection, not something built;
- a name carries how sure Epoch is of it (`Amazon #confident`): both are kept as written;
- ids of usage reports are not unique, so a report is known by company, product, day and id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from sources.feeds.feed import Ask, Curated, Feed, Request
from sources.feeds.forms import Rule, Table, csv_form

PAGE = "https://epoch.ai/data/ai-data-centers"

_POWER = "decimal(18, 3)"
_MOST_POWER = "power_mw < 100000"

SITE = Table(
    name="site",
    columns={
        "site_name": "varchar",
        "title": "varchar",
        "project": "varchar",
        "owner": "varchar",
        "users": "varchar",
        "power_mw": _POWER,
        "h100_equivalents": "double",
    },
    key=("site_name",),
    required=("site_name",),
    rules=(
        Rule("negative", "power_mw", "power_mw >= 0", "no power is below nothing"),
        Rule("far_off", "power_mw", _MOST_POWER, "no site has so much: is it in kilowatts"),
    ),
    keeps_vintages=True,
    measure="nullif(power_mw, 0)",
)

TIMELINE = Table(
    name="site_timeline",
    columns={
        "site_name": "varchar",
        "stands_on": "date",
        "status": "varchar",
        "power_mw": _POWER,
        "h100_equivalents": "double",
        "buildings_operational": "integer",
    },
    key=("site_name", "stands_on"),
    required=("site_name", "stands_on"),
    rules=SITE.rules,
    keeps_vintages=True,
    measure="nullif(power_mw, 0)",
    newest="max(stands_on) filter (stands_on <= cast(as_of as date))",
    largest_growth=8,
)

USAGE = Table(
    name="usage_report",
    columns={
        "report_id": "varchar",
        "company": "varchar",
        "product": "varchar",
        "reported_for": "date",
        "reported_on": "date",
        "active_users": "double",
        "active_users_period": "varchar",
        "daily_tokens": "double",
        "daily_messages": "double",
        "source_kind": "varchar",
        "source_url": "varchar",
        "stated_confidence": "varchar",
    },
    key=("report_id", "company", "product", "reported_for"),
    required=("company", "reported_for"),
    rules=(
        Rule("negative", "active_users", "active_users >= 0", "no count is below nothing"),
        Rule("negative", "daily_tokens", "daily_tokens >= 0", "no count is below nothing"),
        Rule("future", "reported_for", "reported_for <= cast(as_of as date)", "the day is to come"),
    ),
    keeps_vintages=True,
    measure="active_users",
    newest="max(reported_on)",
)

CURATED = {
    "site_match": Curated(
        "matches.yml",
        {"site_name": "varchar", "deal_id": "varchar", "cause": "varchar", "note": "varchar"},
    ),
    "company": Curated("companies.yml", {"company": "varchar", "org_id": "varchar"}),
}


def requests(feed: Feed, ask: Ask, secrets: Mapping[str, str]) -> Iterable[Request]:
    """Yield the request for the usage reports, and for the page that leads to the sites."""
    yield Request(form="usage_reports", address=feed.address, partition="usage")
    yield Request(form=None, address=urljoin(feed.address, urlsplit(PAGE).path))


def follow(feed: Feed, request: Request, body: str) -> Iterable[Request]:
    """Yield the requests for the files of the data centres that the page links to."""
    if request.form is not None:
        return
    links = _Links()
    links.feed(body)
    for name, form in (("data_centers.csv", "sites"), ("data_center_timelines.csv", "timelines")):
        for link in links.found:
            address = urljoin(feed.address, link)
            if urlsplit(address).path.rsplit("/", 1)[-1] == name:
                yield Request(form=form, address=address, partition=form)
                break


class _Links(HTMLParser):
    """Collects the addresses of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where a link leads."""
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


FORMS = (
    csv_form(
        "sites",
        SITE,
        {
            "site_name": "Handle",
            "title": "Title",
            "project": "Project",
            "owner": "Owner",
            "users": "Users",
            "power_mw": "Current power (MW)",
            "h100_equivalents": "Current H100 equivalents",
        },
    ),
    csv_form(
        "timelines",
        TIMELINE,
        {
            "site_name": "Data center",
            "stands_on": "Date",
            "status": "Construction status",
            "power_mw": "Power (MW)",
            "h100_equivalents": "H100 equivalents",
            "buildings_operational": "Buildings operational",
        },
    ),
    csv_form(
        "usage_reports",
        USAGE,
        {
            "report_id": "Id",
            "company": "Company",
            "product": "Product",
            "reported_for": "Date",
            "reported_on": "Report date",
            "active_users": "Active users",
            "active_users_period": "Active users time period",
            "daily_tokens": "Daily tokens",
            "daily_messages": "Daily messages",
            "source_kind": "Source type",
            "source_url": "Source 1",
            "stated_confidence": "Confidence",
        },
    ),
)
