"""Candidates are listed for people to review, and a deal's file can be begun from one."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration import review
from orchestration.settings import Settings
from tests.orchestration.conftest import make_world

_CANDIDATE = "0001769628-26-000123:d1.htm"
_URL = "https://www.sec.gov/Archives/edgar/data/1769628/000176962826000123/d1.htm"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A release that holds two candidates, one of them cited already."""
    world = make_world(tmp_path)
    monkeypatch.setenv("GIGALEDGER_LEDGER", str(world.ledger_dir))
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(world.warehouse_dir))
    world.warehouse_dir.mkdir()
    with duckdb.connect(world.release_file) as connection:
        connection.execute(
            f"""
            create schema audit;
            create table audit.deal_candidate as
            select '{_CANDIDATE}' as candidate_id, 'coreweave' as org_id,
                'CoreWeave, Inc.' as company, '8-K' as form, date '2026-11-03' as filed_on,
                '{_URL}' as url, 0.25 as largest_gw, 6500000000.0 as largest_usd, 4 as score,
                'an agreement to provide 250 MW' as best_quote, false as is_cited
            union all
            select 'cited:d2.htm', 'coreweave', 'CoreWeave, Inc.', '8-K', date '2026-11-04',
                'https://example.org', null, null, 1, null, true;
            """
        )
    return world


def test_what_the_ledger_does_not_cite_is_listed(
    published: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert review.main([]) == 0

    told = capsys.readouterr().out
    assert f"{_CANDIDATE}  score 4" in told
    assert "coreweave, 8-K of 2026-11-03: 0.25 GW, 6.5 billion dollars" in told
    assert "cited:d2.htm" not in told


def test_a_deal_is_begun_with_its_document(published: Settings) -> None:
    assert review.main(["--begin", _CANDIDATE]) == 0

    path = published.ledger_dir / "deals" / "coreweave-2026-11-03.yml"
    text = path.read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    assert content["id"] == "coreweave-2026-11-03"
    assert content["events"][0]["known_on"].isoformat() == "2026-11-03"
    document = content["documents"][0]
    assert (document["url"], document["publisher"]) == (_URL, "CoreWeave, Inc.")
    assert document["tier"] == "primary" and document["read"] == "not_read"
    # No figure is taken over: a person reads the filing first.
    assert "capacity_gw" not in content["events"][0]
    assert "# 8-K, an agreement to provide 250 MW" in text


def test_what_is_no_candidate_is_told(
    published: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert review.main(["--begin", "nothing:here"]) == 1

    assert "there is no candidate nothing:here" in capsys.readouterr().err


def test_without_a_release_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GIGALEDGER_WAREHOUSE", str(tmp_path / "none"))

    assert review.main([]) == 2
    assert "make refresh" in capsys.readouterr().err
