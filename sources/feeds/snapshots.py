"""Keeps what a feed received, byte for byte, under the hash of its content.

    <folder>/<feed>/content/<sha256>        the bytes of a reply
    <folder>/<feed>/receipts/<time>-….json  when, from where and with which headers they came

Bytes that come twice are kept once and have two receipts. The samples that ship with the project
are snapshots too; `samples.yml` in the folder of their feed is their receipt.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

from sources.feeds.http import Reply

SAMPLES_FILE = "samples.yml"


class Origin(StrEnum):
    """Where the data that is used came from."""

    LIVE = "live"
    """Received, or confirmed as unchanged, by this refresh."""
    CACHED = "cached"
    """Received by an earlier one."""
    BUNDLED = "bundled"
    """A sample that ships with the project."""


class RefusedError(Exception):
    """A snapshot cannot be used."""

    def __init__(self, rule: str, message: str, remedy: str) -> None:
        """Take the rule that it breaks, what was found, and what to do."""
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True)
class Snapshot:
    """One reply of a feed, and where it came from."""

    feed: str
    form: str
    partition: str
    """Which part of the feed: a company, a day; empty when a reply is all of it."""
    address: str
    fetched_at: datetime
    """UTC, without a zone; of content that came several times the first time: its vintage."""
    seen_at: datetime
    """When it last came or was confirmed."""
    sha256: str
    headers: Mapping[str, str]
    licence: str
    attribution: str
    confidence: str
    """high from the publisher itself, medium through a copy of somebody else's."""
    origin: Origin
    path: Path

    @property
    def last_modified(self) -> datetime | None:
        """When the publisher says that it last changed."""
        return _read_http_date(self.headers.get("last-modified"))

    def read(self, max_bytes: int) -> bytes:
        """Return the content, unpacked.

        Raises:
            RefusedError: when it is damaged, cut, packed in an unknown way, or too large.
        """
        body = self.path.read_bytes()
        if hashlib.sha256(body).hexdigest() != self.sha256:
            raise RefusedError(
                "damaged",
                "the kept bytes are not those that were received",
                "delete the file and its receipts; the next poll fetches it anew",
            )
        return _unpack(body, self.headers.get("content-encoding", "identity"), max_bytes)

    @property
    def media_type(self) -> str:
        """The media type, in lower case; empty when none was told."""
        return self._content_type.get_content_type() if "content-type" in self.headers else ""

    @property
    def charset(self) -> str:
        """The character set that the publisher tells; UTF-8 when it tells none."""
        return (self._content_type.get_content_charset() or "utf-8").replace("_", "-")

    @property
    def _content_type(self) -> Message:
        message = Message()
        message["Content-Type"] = self.headers.get("content-type", "")
        return message


# Kept with a snapshot; the others say nothing about its content.
_TELLING = ("content-type", "content-encoding", "last-modified", "etag", "date", "content-length")

_AGAIN = "the next poll fetches it anew"


class Store:
    """The kept snapshots of all feeds."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when something is kept."""
        self.folder = folder

    def keep(
        self,
        reply: Reply,
        *,
        feed: str,
        form: str,
        partition: str,
        fetched_at: datetime,
        licence: str,
        attribution: str,
    ) -> Snapshot:
        """Keep a reply and return its snapshot."""
        sha256 = hashlib.sha256(reply.body).hexdigest()
        path = self.content(feed, sha256)
        if not path.exists():
            _write(path, reply.body)
        headers = {name: reply.headers[name] for name in _TELLING if name in reply.headers}
        snapshot = Snapshot(
            feed=feed,
            form=form,
            partition=partition,
            address=reply.address,
            fetched_at=fetched_at,
            seen_at=fetched_at,
            sha256=sha256,
            headers=headers,
            licence=licence,
            attribution=attribution,
            confidence="high",
            origin=Origin.LIVE,
            path=path,
        )
        self._write_receipt(snapshot)
        return snapshot

    def confirm(self, snapshot: Snapshot, fetched_at: datetime) -> Snapshot:
        """Keep that a snapshot is what the publisher still has."""
        confirmed = replace(snapshot, fetched_at=fetched_at, seen_at=fetched_at)
        self._write_receipt(confirmed)
        return confirmed

    def list(self, feed: str, *, live_since: datetime | None = None) -> list[Snapshot]:
        """Return the kept snapshots of a feed in the order of their receipt.

        A content that came several times for one part stands once.
        """
        first: dict[tuple[str, str, str], Snapshot] = {}
        for snapshot in self._read_receipts(feed):
            is_live = live_since is not None and snapshot.seen_at >= live_since
            key = (snapshot.form, snapshot.partition, snapshot.sha256)
            first[key] = replace(
                first.get(key, snapshot),
                seen_at=snapshot.seen_at,
                origin=Origin.LIVE if is_live else Origin.CACHED,
            )
        return sorted(first.values(), key=lambda item: (item.fetched_at, item.sha256))

    def remember_good(self, feed: str, good: Mapping[tuple[str, str], str]) -> None:
        """Keep the hash of the newest good snapshot by form and part."""
        if good:
            entries = [[*part, sha256] for part, sha256 in sorted(good.items())]
            _write(self.folder / feed / "good.json", json.dumps(entries, indent=1).encode())

    def find_good(self, feed: str) -> dict[tuple[str, str], str]:
        """Return the hash of the newest good snapshot by form and part, as the last load found."""
        path = self.folder / feed / "good.json"
        if not path.exists():
            return {}
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {(form, part): sha256 for form, part, sha256 in entries}

    def find_judged_at(self, feed: str) -> datetime | None:
        """Return when a load last found what is good; UTC, without a zone."""
        path = self.folder / feed / "good.json"
        if not path.exists():
            return None
        return datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(tzinfo=None)

    def _read_receipts(self, feed: str) -> Iterable[Snapshot]:
        for path in sorted((self.folder / feed / "receipts").glob("*.json")):
            yield _read_receipt(
                json.loads(path.read_text(encoding="utf-8")),
                feed,
                Origin.CACHED,
                self.folder / feed / "content",
            )

    def content(self, feed: str, sha256: str) -> Path:
        """Return where the bytes of a kept reply stand."""
        return self.folder / feed / "content" / sha256

    def _write_receipt(self, snapshot: Snapshot) -> None:
        part = hashlib.sha256(f"{snapshot.form} {snapshot.partition}".encode()).hexdigest()[:8]
        stamp = f"{snapshot.fetched_at:%Y%m%dT%H%M%S%f}"
        path = self.folder / snapshot.feed / "receipts" / f"{stamp}-{part}.json"
        receipt = {
            "form": snapshot.form,
            "partition": snapshot.partition,
            "address": snapshot.address,
            "fetched_at": snapshot.fetched_at.isoformat(),
            "file": snapshot.sha256,
            "sha256": snapshot.sha256,
            "headers": dict(snapshot.headers),
            "licence": snapshot.licence,
            "attribution": snapshot.attribution,
            "confidence": snapshot.confidence,
        }
        _write(path, json.dumps(receipt, indent=1, ensure_ascii=False).encode())


def list_samples(feed: str, folder: Path) -> list[Snapshot]:
    """Return the samples that ship with a feed, in the order of their time."""
    path = folder / SAMPLES_FILE
    if not path.exists():
        return []
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))["samples"]
    samples = [_read_receipt(entry, feed, Origin.BUNDLED, folder / "samples") for entry in entries]
    return sorted(samples, key=lambda item: (item.fetched_at, item.sha256))


def _read_receipt(receipt: Mapping[str, Any], feed: str, origin: Origin, folder: Path) -> Snapshot:
    return Snapshot(
        feed=feed,
        form=receipt["form"],
        partition=receipt.get("partition", ""),
        address=receipt["address"],
        fetched_at=datetime.fromisoformat(str(receipt["fetched_at"])),
        seen_at=datetime.fromisoformat(str(receipt["fetched_at"])),
        sha256=receipt["sha256"],
        headers=receipt.get("headers", {}),
        licence=receipt["licence"],
        attribution=receipt["attribution"],
        confidence=receipt["confidence"],
        origin=origin,
        path=folder / receipt["file"],
    )


def _unpack(body: bytes, encoding: str, max_bytes: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        unpacked = body
    elif encoding in ("gzip", "x-gzip", "deflate"):
        # 32: the header tells which of the two it is.
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            unpacked = unpacker.decompress(body, max_bytes + 1)
        except zlib.error as error:
            raise RefusedError(
                "broken_packing", f"it cannot be unpacked: {error}", _AGAIN
            ) from None
        if len(unpacked) <= max_bytes and not unpacker.eof:
            raise RefusedError("cut_packing", "it is cut: its packing does not end", _AGAIN)
    else:
        raise RefusedError(
            "packing", f"it is packed as {encoding!r}, which nobody asked for", _AGAIN
        )
    if len(unpacked) > max_bytes:
        raise RefusedError(
            "too_large",
            f"unpacked it is larger than {max_bytes:,} bytes",
            "raise max_bytes in source.yml if the publisher has grown",
        )
    return unpacked


def unzip(body: bytes, suffix: str, max_bytes: int) -> bytes:
    """Return the one file of an archive whose name ends in `suffix`.

    Raises:
        RefusedError: when it is no archive, holds none or several, or too large a file.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [item for item in archive.infolist() if item.filename.endswith(suffix)]
            if len(members) != 1:
                raise RefusedError(
                    "archive",
                    f"it holds {len(members)} files that end in {suffix}, not one",
                    _AGAIN,
                )
            # What the archive says of its size may be wrong: so much is read and no more.
            with archive.open(members[0]) as file:
                content = file.read(max_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise RefusedError("archive", f"the archive cannot be read: {error}", _AGAIN) from None
    if len(content) > max_bytes:
        raise RefusedError(
            "too_large",
            f"unpacked it is larger than {max_bytes:,} bytes",
            "raise max_bytes in source.yml if the publisher has grown",
        )
    return content


def _read_http_date(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
