"""Downloads reach listed hosts alone, at a polite pace, and unpack no more than is allowed."""

from __future__ import annotations

import dataclasses
import gzip
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from sources.feeds.http import Downloader, DownloadError, Reply
from sources.feeds.snapshots import RefusedError, Snapshot, Store, unzip
from tests.sources.feeds.publisher import FAST, Answer, Publisher, serve

_KEY = {"Authorization": "Bearer sk-or-secret"}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with serve() as publisher:
        yield publisher


@pytest.fixture
def other() -> Iterator[Publisher]:
    """Another host that is listed too."""
    with serve() as publisher:
        yield publisher


def _open(*publishers: Publisher) -> Downloader:
    return Downloader(frozenset(item.host for item in publishers), FAST, "Gigaledger (me@here)")


def test_a_passing_refusal_is_waited_out(publisher: Publisher) -> None:
    publisher.say(
        "/data",
        Answer(status=429, headers={"Retry-After": "0"}),
        Answer(status=503),
        Answer(b"good"),
    )

    assert _open(publisher)(f"{publisher.address}/data", {}).body == b"good"
    assert len(publisher.asked) == 3


def test_what_no_retry_can_mend_is_asked_for_once(publisher: Publisher) -> None:
    publisher.say("/data", Answer(status=403))

    with pytest.raises(DownloadError, match="answers 403"):
        _open(publisher)(f"{publisher.address}/data", {})
    assert len(publisher.asked) == 1


def test_a_redirect_to_a_listed_host_is_followed_without_the_key(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.say("/data", Answer(status=302, headers={"Location": f"{other.address}/moved"}))
    other.say("/moved", Answer(b"good"))

    reply = _open(publisher, other)(f"{publisher.address}/data", _KEY)

    assert (reply.body, reply.address) == (b"good", f"{other.address}/moved")
    assert publisher.asked[0][1]["authorization"] == "Bearer sk-or-secret"
    assert "authorization" not in other.asked[0][1]


def test_a_redirect_to_any_other_host_is_not_followed(
    publisher: Publisher, other: Publisher
) -> None:
    publisher.say("/data", Answer(status=302, headers={"Location": f"{other.address}/moved"}))

    with pytest.raises(DownloadError, match="no host that source.yml lists"):
        _open(publisher)(f"{publisher.address}/data", _KEY)
    assert other.asked == []


def test_a_circle_of_redirects_ends(publisher: Publisher) -> None:
    publisher.say("/data", Answer(status=302, headers={"Location": "/data"}))

    with pytest.raises(DownloadError, match="redirects more than"):
        _open(publisher)(f"{publisher.address}/data", {})


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.org/data", "no host that source.yml lists"),
        ("http://data.example.org/data", "only https is spoken"),
        ("https://data.example.org@evil.example/data", "no host that source.yml lists"),
        ("file:///etc/hostname", "no host that source.yml lists"),
    ],
)
def test_nothing_but_listed_hosts_is_ever_reached(address: str, reason: str) -> None:
    fetch = Downloader(frozenset({"data.example.org"}), FAST, "Gigaledger")

    with pytest.raises(DownloadError, match=reason):
        fetch(address, {})


def test_requests_keep_the_publishers_pace(publisher: Publisher) -> None:
    publisher.say("/data", Answer(b"good"))
    now, waits = 100.0, []
    limits = dataclasses.replace(FAST, requests_per_minute=30)
    fetch = Downloader(
        frozenset({publisher.host}),
        limits,
        "Gigaledger",
        clock=lambda: now,
        sleep=waits.append,
    )

    for _ in range(2):
        fetch(f"{publisher.address}/data", {})

    assert waits == [2.0]


def test_a_password_of_this_machine_is_not_sent(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    publisher.say("/data", Answer(b"good"))

    _open(publisher)(f"{publisher.address}/data", {})

    assert "authorization" not in publisher.asked[0][1]


def _keep(folder: Path, body: bytes, **headers: str) -> Snapshot:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = Reply(200, "https://data.example.org/data", named, body)
    return Store(folder).keep(
        reply,
        feed="feed",
        form="form",
        partition="",
        fetched_at=datetime(2026, 11, 24),
        licence="CC BY 4.0",
        attribution="Source",
    )


def test_a_small_reply_that_unpacks_to_a_large_one_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)

    with pytest.raises(RefusedError, match="larger than 1,000,000 bytes"):
        _keep(tmp_path, bomb, content_encoding="gzip").read(1_000_000)

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.csv", b"\0" * 10_000_000)
    with pytest.raises(RefusedError, match="larger than 1,000,000 bytes"):
        unzip(packed.getvalue(), ".csv", 1_000_000)


def test_bytes_that_changed_on_disk_are_refused(tmp_path: Path) -> None:
    snapshot = _keep(tmp_path, b"one,two")
    snapshot.path.write_bytes(b"one,three")

    with pytest.raises(RefusedError, match="not those that were received"):
        snapshot.read(1_000)


def test_a_receipt_says_where_it_came_from_and_holds_no_key(tmp_path: Path) -> None:
    kept = _keep(tmp_path, b"one,two", etag='"1"', set_cookie="session=1", content_type="text/csv")

    (found,) = Store(tmp_path).list("feed")
    assert (found.sha256, found.licence, found.address) == (
        kept.sha256,
        "CC BY 4.0",
        "https://data.example.org/data",
    )
    assert dict(found.headers) == {"etag": '"1"', "content-type": "text/csv"}
    assert found.read(1_000) == b"one,two"
