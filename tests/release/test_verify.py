"""What differs from a manifest is found and named, whatever it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from orchestration.hashes import InputFile, hash_file
from orchestration.release import Release
from orchestration.releases.__main__ import main
from orchestration.releases.verify import Verdict, verify_release
from sources.feeds.feed import SOURCES_DIR
from sources.feeds.snapshots import Store, list_samples

Publish = Callable[..., Release]


def _verify(warehouse: Path, release: Release) -> Verdict:
    return verify_release(warehouse, release.release_id, ledger_dir=warehouse)


def test_a_whole_release_is_whole(publish: Publish, warehouse: Path) -> None:
    release = publish()

    verdict = _verify(warehouse, release)

    assert not verdict.damage
    assert (verdict.files, verdict.tables) == (14, 11)


def test_every_flip_of_a_bit_and_every_cut_is_found(publish: Publish, warehouse: Path) -> None:
    release = publish()
    folder = warehouse / "releases" / release.release_id
    random = Random(4)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert {path.name for path in files} >= {"gigaledger.duckdb", "manifest.json", "diff.json"}

    for path in [*files, release.file]:
        path.chmod(0o644)
        whole = path.read_bytes()
        name = path.name if path == release.file else path.relative_to(folder).as_posix()
        # The hash of the manifest stands for the manifest.
        name = name.removesuffix(".sha256")
        for _ in range(3):
            place, bit = random.randrange(len(whole)), random.randrange(8)
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            assert any(name in line for line in _verify(warehouse, release).damage), (path, place)
        path.write_bytes(whole[: random.randrange(len(whole))])
        assert any(name in line for line in _verify(warehouse, release).damage), path
        path.write_bytes(whole)

    assert not _verify(warehouse, release).damage


def test_what_is_missing_and_what_is_foreign_is_named(publish: Publish, warehouse: Path) -> None:
    release = publish()
    folder = warehouse / "releases" / release.release_id
    (folder / "parquet" / "dim_deal.parquet").unlink()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    release.file.unlink()

    assert _verify(warehouse, release).damage == [
        "parquet/dim_deal.parquet: missing",
        "notes.txt: the manifest does not name it",
        "the published gigaledger.duckdb is missing",
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"row_count": 3}, "core.dim_deal: 2 rows in place of 3"),
        ({"content_hash": "0" * 32}, "core.dim_deal: its rows have another hash"),
        ({"table": "core.dim_duel"}, "core.dim_duel: missing from gigaledger.duckdb"),
        ({"table": "core.dim_duel"}, "core.dim_deal: the manifest does not name it"),
    ],
)
def test_a_manifest_that_states_what_no_table_holds_is_found(
    publish: Publish, warehouse: Path, change: dict[str, object], told: str
) -> None:
    release = publish()
    folder = warehouse / "releases" / release.release_id
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["tables"]:
        if entry["table"] == "core.dim_deal":
            entry.update(change)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    # Whoever changed it changed the hash beside it too.
    stated = f"{hash_file(folder / 'manifest.json')}  manifest.json\n"
    (folder / "manifest.json.sha256").write_text(stated, encoding="utf-8")

    assert told in _verify(warehouse, release).damage


def test_the_hash_of_the_manifest_is_read_by_the_usual_tool(
    publish: Publish, warehouse: Path
) -> None:
    folder = warehouse / "releases" / publish().release_id
    command = ["sha256sum", "--check", "manifest.json.sha256"]

    assert subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_what_the_feeds_read_is_looked_for_beside_them_and_among_the_snapshots(
    warehouse: Path, publish: Publish
) -> None:
    sample = list_samples("ecb", SOURCES_DIR / "ecb")[0]
    matches = SOURCES_DIR / "epoch" / "matches.yml"
    kept = Store(warehouse / "snapshots").content("ecb", hashlib.sha256(b"kept").hexdigest())
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"kept")
    release = publish(
        inputs=[
            InputFile(f"snapshots/ecb/{sample.sha256}", 1, sample.sha256),
            InputFile(f"snapshots/ecb/{kept.name}", 4, kept.name),
            InputFile("epoch/matches.yml", 1, hash_file(matches)),
            InputFile(f"snapshots/ecb/{'0' * 64}", 1, "0" * 64),
        ]
    )

    verdict = verify_release(warehouse, release.release_id, ledger_dir=warehouse)

    assert verdict.lost == [f"snapshots/ecb/{'0' * 64}"]
    kept.write_bytes(b"spoilt")
    verdict = verify_release(warehouse, release.release_id, ledger_dir=warehouse)
    assert f"snapshots/ecb/{kept.name}" in verdict.lost


def test_inputs_are_looked_for_in_the_ledger_and_in_git(
    publish: Publish, warehouse: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "repository" / "ledger"
    ledger.mkdir(parents=True)
    names = ("same.yml", "edited.yml", "deleted é.yml", "lost.yml")
    for name in names:
        (ledger / name).write_text(f"a: {name}\n", encoding="utf-8")

    def git(*arguments: str) -> str:
        command = ("git", "-c", "user.name=ada", "-c", "user.email=a@example.org", *arguments)
        return subprocess.run(
            command, cwd=ledger, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "--quiet")
    git("add", *names[:3])
    git("commit", "--quiet", "--message", "ledger")
    inputs = [InputFile(name, 1, hash_file(ledger / name)) for name in names]
    release = publish(inputs=inputs, git_revision=f"{git('rev-parse', 'HEAD')}-dirty")
    (ledger / "edited.yml").write_text("b: 2\n", encoding="utf-8")
    (ledger / "deleted é.yml").unlink()
    (ledger / "lost.yml").write_text("b: 2\n", encoding="utf-8")

    verdict = verify_release(warehouse, release.release_id, ledger_dir=ledger)

    assert (verdict.inputs, verdict.damage) == (4, [])
    assert verdict.in_git == ["edited.yml", "deleted é.yml"]
    assert verdict.lost == ["lost.yml"]


def test_the_command_ends_as_what_it_found(
    publish: Publish,
    warehouse: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(warehouse))
    assert main(["verify"]) == 1
    assert "run make refresh first" in capsys.readouterr().err

    release = publish()
    assert main(["verify"]) == 3
    told = capsys.readouterr().out
    assert "whole    14 files and 11 tables are as the manifest states" in told
    assert "inputs   0 of 1 stand in the ledger" in told and "deals/oracle.yml" in told

    publish(inputs=[])
    assert main(["verify"]) == 0
    assert main(["verify", "--release", release.release_id]) == 3

    copy = warehouse / "releases" / release.release_id / "gigaledger.duckdb"
    copy.chmod(0o644)
    copy.write_bytes(copy.read_bytes()[:-1])
    capsys.readouterr()
    assert main(["verify", "--release", release.release_id]) == 1
    assert "gigaledger.duckdb: has another hash" in capsys.readouterr().out


@pytest.mark.parametrize("verb", [[], ["list"], ["diff"], ["verify"], ["rollback"]])
def test_every_verb_helps(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*verb, "--help"])

    assert ended.value.code == 0
    assert "usage: releases" in capsys.readouterr().out
