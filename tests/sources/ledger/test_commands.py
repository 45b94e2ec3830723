"""What a person who edits the ledger types."""

from __future__ import annotations

from pathlib import Path

import pytest

from sources.ledger.__main__ import main
from tests.sources.ledger.ledgers import make_records, write_yaml


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_check_is_content_with_a_good_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_yaml(tmp_path, make_records())
    status, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert status == 0
    assert out == "2 deals, 3 documents, 14 of 14 records accepted, 0 refused, 0 warnings\n"


def test_check_says_file_line_rule_and_remedy_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = make_records()
    records["deals"][1]["kind"] = "compute_suply"
    write_yaml(tmp_path, records)
    status, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert status == 1
    line = out.splitlines()[0]
    assert line.startswith("deals/oracle-nvidia.yml:1: unknown_word: kind: found 'compute_suply';")
    assert line.endswith(" - did you mean compute_supply?")
    assert out.splitlines()[-1].endswith("12 of 13 records accepted, 1 refused, 0 warnings")


def test_check_tells_every_problem_of_a_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = make_records()
    records["deals"][1].update(kind="x", confidence="y", title="")
    write_yaml(tmp_path, records)
    _, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert [line.split(": ")[2] for line in out.splitlines()[:-1]] == [
        "confidence",
        "kind",
        "title",
    ]


def test_check_of_no_ledger_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "check", "--ledger", tmp_path / "none")
    assert status == 2
    assert "GIGALEDGER_LEDGER" in err


def test_a_file_of_another_ending_is_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_yaml(tmp_path, make_records())
    (tmp_path / "deals" / "late.yaml").write_text("id: late")
    (tmp_path / "deals" / ".gitkeep").write_text("")
    status, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert status == 1
    assert out.startswith("deals/late.yaml:1: file_name: ")


def test_a_new_deal_asks_to_be_filled_and_is_good_when_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_yaml(tmp_path, {**make_records(), "deals": [], "scenarios": []})
    status, out, _ = run(
        capsys,
        *("new-deal", "openai-chips", "--ledger", tmp_path, "--kind", "compute_supply"),
        *("--title", "OpenAI's chips: it's a deal", "--known-on", "2026-11-01"),
        *("--customer", "openai", "--chip-vendor", "amd"),
    )
    assert status == 0
    assert "add organizations/amd.yml" in out
    assert "add organizations/openai.yml" not in out
    assert run(capsys, "new-organization", "amd", "--ledger", tmp_path, "--name", "AMD")[0] == 0

    status, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert status == 1
    assert "missing_field: publisher" in out

    path = tmp_path / "deals" / "openai-chips.yml"
    filled = path.read_text().replace("publisher: null", "publisher: AMD")
    path.write_text(filled.replace("title: null", "title: AMD announces it"))
    status, out, _ = run(capsys, "check", "--ledger", tmp_path, "--today", "2026-11-25")
    assert (status, out.splitlines()[:-1]) == (0, [])


def test_a_new_deal_never_overwrites_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deals").mkdir()
    path = tmp_path / "deals" / "a-deal.yml"
    path.write_text("mine")
    status, _, err = run(capsys, "new-deal", "a-deal", "--ledger", tmp_path)
    assert status == 1
    assert "exists already" in err
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["../evil", "a/b", "A", "", "a b", "-x-", "x" * 121])
def test_an_id_that_could_leave_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["new-deal", "--ledger", str(tmp_path), "--", name])
    assert caught.value.code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["check", "schemas", "new-deal", "new-organization"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage: python -m sources.ledger" in capsys.readouterr().out


def test_the_committed_schemas_and_reference_are_fresh(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = run(capsys, "schemas", "--check")
    assert (status, out) == (0, "")


def test_schemas_writes_only_what_is_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sources.ledger.__main__.SCHEMA_DIR", tmp_path / "schemas")
    status, out, _ = run(capsys, "schemas", "--check")
    assert status == 1
    assert "stale: deal.schema.json; renew with" in out
    assert "wrote schemas/deal.schema.json" in run(capsys, "schemas")[1]
    assert run(capsys, "schemas")[1] == ""
    (tmp_path / "schemas" / "deal.schema.json").write_text("{}")
    assert run(capsys, "schemas", "--check")[:2] == (
        1,
        "stale: deal.schema.json; renew with `python -m sources.ledger schemas`\n",
    )
