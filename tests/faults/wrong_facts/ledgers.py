"""A ledger held as texts and trees, so that a change can be written down like an edit by hand."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from sources.ledger.parse import FOLDERS, Mapping, YamlRefused, load_yaml

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """An edit of the ledger: the whole new text of each file that it touches.

    `file` and `path` say where the changed record, or part of one, stands; `expected` names the
    rules of which one must speak, and is empty for an edit that nothing may speak of.
    """

    family: str
    told: str
    texts: dict[str, str]
    file: str
    path: Path_ = ()
    expected: frozenset[str] = field(default_factory=frozenset)


class _Dumper(yaml.SafeDumper):
    """Writes figures as plain numbers, mappings in their own order, and what stands twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never point at what was written before."""
        return True


def _write_decimal(dumper: _Dumper, value: Decimal) -> yaml.ScalarNode:
    text = format(value.normalize(), "f")
    kind = "float" if "." in text else "int"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{kind}", text)


_Dumper.add_representer(Decimal, _write_decimal)
_Dumper.add_representer(Mapping, yaml.SafeDumper.represent_dict)


def write_tree(tree: Any) -> str:
    """Return a tree as the text of a file of the ledger."""
    return yaml.dump(_plain(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class Ledger:
    """The files of a ledger folder, read once."""

    def __init__(self, folder: Path) -> None:
        self.texts = {
            f"{name}/{path.name}": path.read_text(encoding="utf-8")
            for name in FOLDERS
            for path in sorted((folder / name).glob("*.yml"))
        }
        self.trees: dict[str, Any] = {
            file: load_yaml(text.encode()) for file, text in self.texts.items()
        }
        self.deals = [tree for file, tree in self.trees.items() if file.startswith("deals/")]
        self.organizations = {
            tree["id"]: tree for file, tree in self.trees.items() if file.startswith("organ")
        }
        self.documents = {
            document["id"]: document
            for tree in self.trees.values()
            for document in tree.get("documents") or ()
        }

    def copy(self, file: str) -> Any:
        """Return the tree of a file, free to be changed."""
        return copy.deepcopy(self.trees[file])

    def records(self, folder: str) -> Iterator[tuple[str, Path_, Any]]:
        """Yield file, path and tree of each record of a folder."""
        list_key = FOLDERS[folder].list_key
        for file, tree in self.trees.items():
            if not file.startswith(f"{folder}/"):
                continue
            if list_key is None:
                yield file, (), tree
            else:
                for number, record in enumerate(tree[list_key]):
                    yield file, (list_key, number), record

    def events(self) -> Iterator[tuple[str, Path_, Any]]:
        """Yield file, path and tree of each event."""
        for deal in self.deals:
            for number, event in enumerate(deal["events"]):
                yield deal_file(deal), ("events", number), event

    def words_of(self, deal: Any, event: Any, *, figure: str) -> str:
        """Return what the title, the note on a figure and the documents' titles say."""
        own = "capacity_note" if figure == "capacity_gw" else "value_note"
        notes = [event.get(own), (event.get(figure) or {}).get("note")]
        titles = [self.documents[name]["title"] for name in event["sources"]]
        return " ; ".join(text for text in (deal["title"], *notes, *titles) if text)


def deal_file(deal: Any) -> str:
    """Return the file of a deal."""
    return f"deals/{deal['id']}.yml"


def find(tree: Any, path: Path_) -> Any:
    """Return what stands at a path of a tree."""
    for step in path:
        tree = tree[step]
    return tree


def find_lines(text: str, path: Path_) -> tuple[int, int]:
    """Return the first and last line of the item at or above a path; of a broken file, all.

    An item is a member of a list, such as an event; what stands on no list is the whole record.
    """
    whole = (1, text.count("\n") + 1)
    try:
        node: Any = load_yaml(text.encode())
    except YamlRefused:
        return whole
    lines = whole
    for step in path:
        node = node[step]
        if isinstance(step, int) and isinstance(node, Mapping):
            lines = (node.line, node.last_line)
    return lines


def first_day(written: Any) -> dt.date:
    """Return the first day of a date as the ledger writes it."""
    text = str(written)
    year = int(text[:4])
    if len(text) == 4:
        return dt.date(year, 1, 1)
    if text[5] in "QH":
        return dt.date(year, (int(text[6]) - 1) * (3 if text[5] == "Q" else 6) + 1, 1)
    return dt.date(year, int(text[5:7]), int(text[8:10] or 1))
