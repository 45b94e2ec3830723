"""A publisher of ninety recorded days that corrects itself, and what the warehouse makes of it."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

from tests.sources.feeds.publisher import Answer, read_rows

# The newest count of each day, as the model of the warehouse takes it.
NEWEST = """
    select ranked_on, md5(string_agg(model_permaslug || tokens, ' ' order by model_permaslug))
    from raw_openrouter.ranking
    where (ranked_on, vintage_at) in (
        select (ranked_on, max(vintage_at)) from raw_openrouter.ranking group by ranked_on
    )
    group by ranked_on
"""


class Rankings:
    """Answers for the days that are asked for, from the recorded ninety."""

    def __init__(self) -> None:
        self.as_of = "2026-08-22T06:00:00Z"
        self.days: dict[str, list[dict[str, str]]] = {}
        for row in read_rows("openrouter/samples/rankings-daily-2026-05-24_2026-08-21.csv"):
            self.days.setdefault(row["date"], []).append(dict(row))

    def __call__(self, path: str) -> Answer:
        asked = parse_qs(urlsplit(path).query)
        first, last = asked["start_date"][0], asked["end_date"][0]
        rows = [row for day, found in self.days.items() if first <= day <= last for row in found]
        body = json.dumps({"data": rows, "meta": {"as_of": self.as_of}}).encode()
        return Answer(body, headers={"Content-Type": "application/json"})
