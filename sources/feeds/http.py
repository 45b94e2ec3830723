"""Downloads within limits: listed hosts alone, so many bytes, so much time, at a polite pace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError, TimeoutError
from urllib3.util.retry import Retry

_BLOCK = 1 << 16
_MAX_REDIRECTS = 5
_ATTEMPTS = 3
# What a retry can mend; anything else is told at once.
_PASSING = (429, 500, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class DownloadError(Exception):
    """Nothing was received; the message says from where and why."""

    def __init__(self, message: str, *, is_passing: bool = False) -> None:
        """Take what went wrong, and whether it may pass by itself."""
        super().__init__(message)
        self.is_passing = is_passing


@dataclass(frozen=True)
class Limits:
    """What a feed may cost."""

    requests_per_minute: float
    """The publisher's limit, or less."""
    max_bytes: int
    """Of one reply, as sent and again when unpacked."""
    seconds: float
    """For one download from its first byte to its last."""
    idle_seconds: float
    """For which a connection may be silent."""
    backoff_seconds: float = 0.5
    """Before the first retry; each further one waits twice as long."""


@dataclass(frozen=True)
class Reply:
    """What was received, byte for byte."""

    status: int
    """200, or 304 when it has not changed since the one that the request names."""
    address: str
    """Where it came from in the end."""
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes


class Fetch(Protocol):
    """Fetches an address."""

    def __call__(self, address: str, headers: Mapping[str, str]) -> Reply:
        """Return the reply, or raise DownloadError."""
        ...


@dataclass
class Downloader:
    """Fetches from the hosts of one feed."""

    hosts: frozenset[str]
    """Host names; with a port where it is not that of the scheme."""
    limits: Limits
    user_agent: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next_at: float = field(default=0.0, init=False)

    def __call__(self, address: str, headers: Mapping[str, str]) -> Reply:
        """Fetch an address, following redirects to listed hosts.

        Args:
            address: of a listed host.
            headers: sent beside the usual ones, to the host of `address` alone.

        Raises:
            DownloadError: when nothing can be received, whatever the reason.
        """
        begun = self.clock()
        with requests.Session() as session:
            retry = Retry(
                total=_ATTEMPTS,
                redirect=False,
                status_forcelist=_PASSING,
                allowed_methods=("GET",),
                backoff_factor=self.limits.backoff_seconds,
                backoff_max=self.limits.seconds / _ATTEMPTS,
                retry_after_max=int(self.limits.seconds / _ATTEMPTS),
                raise_on_status=False,
            )
            session.mount("https://", HTTPAdapter(max_retries=retry))
            session.mount("http://", HTTPAdapter(max_retries=retry))
            # Without one, requests takes passwords from ~/.netrc.
            session.auth = _send_no_password
            session.headers.update(
                {
                    "User-Agent": self.user_agent,
                    "Accept": "*/*",
                    "Accept-Encoding": "gzip, identity",
                }
            )
            first_host = urlsplit(address).netloc
            for _ in range(_MAX_REDIRECTS + 1):
                self._require_listed(address)
                self._keep_pace()
                own = headers if urlsplit(address).netloc == first_host else {}
                response = self._send(session, address, own)
                with response:
                    if response.status_code in _REDIRECTS:
                        address = urljoin(address, response.headers.get("Location", ""))
                        continue
                    return self._receive(response, address, begun)
        raise DownloadError(f"{_name(address)}: it redirects more than {_MAX_REDIRECTS} times")

    def _require_listed(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.netloc not in self.hosts:
            raise DownloadError(
                f"{_name(address)}: {parts.netloc or 'it'} is no host that source.yml lists"
            )
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise DownloadError(f"{_name(address)}: only https is spoken")

    def _keep_pace(self) -> None:
        wait = self._next_at - self.clock()
        if wait > 0:
            self.sleep(wait)
        self._next_at = self.clock() + 60 / self.limits.requests_per_minute

    def _send(
        self, session: requests.Session, address: str, headers: Mapping[str, str]
    ) -> requests.Response:
        try:
            return session.get(
                address,
                headers=dict(headers),
                stream=True,
                allow_redirects=False,
                timeout=self.limits.idle_seconds,
            )
        except requests.RequestException as error:
            raise DownloadError(
                f"{_name(address)}: {self._explain(error)}", is_passing=_may_pass(error)
            ) from None

    def _explain(self, error: requests.RequestException) -> str:
        """Return why nothing came; what the libraries say holds the whole address, key and all."""
        cause: object = error.args[0] if error.args else error
        if isinstance(cause, MaxRetryError):
            cause = cause.reason
        if isinstance(error, requests.Timeout) or isinstance(cause, TimeoutError):
            return f"no answer within {self.limits.idle_seconds:g} s"
        return f"it cannot be reached ({type(cause).__name__})"

    def _receive(self, response: requests.Response, address: str, begun: float) -> Reply:
        status = response.status_code
        if status not in (200, 304):
            raise DownloadError(
                f"{_name(address)}: it answers {status} {response.reason or ''}",
                is_passing=status in _PASSING,
            )
        parts: list[bytes] = []
        size = 0
        try:
            while block := response.raw.read1(_BLOCK, decode_content=False):
                size += len(block)
                if size > self.limits.max_bytes:
                    raise DownloadError(
                        f"{_name(address)}: it sends more than {self.limits.max_bytes:,} bytes"
                    )
                if self.clock() - begun > self.limits.seconds:
                    raise DownloadError(
                        f"{_name(address)}: not complete after {self.limits.seconds:g} s",
                        is_passing=True,
                    )
                parts.append(block)
        except (HTTPError, OSError) as error:
            raise DownloadError(
                f"{_name(address)}: broken off after {size:,} bytes ({type(error).__name__})",
                is_passing=True,
            ) from None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(status, address, headers, b"".join(parts))


def _may_pass(error: requests.RequestException) -> bool:
    """Tell whether it was the network or the hour; a certificate does not mend itself."""
    network = isinstance(error, requests.ConnectionError | requests.Timeout)
    return network and not isinstance(error, requests.exceptions.SSLError)


def _send_no_password(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _name(address: str) -> str:
    """Return an address for a message, without its query, which may hold a key."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
