"""The command in a model card: what is above a folder stays on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from umit.cli.command import spoken


def test_places_are_told_by_their_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anna" / "films").mkdir(parents=True)
    table = {
        "/data/anna/films": "films", "/data/anna/films/": "films", "~/films": "films", "../films": "films",
        "anna/films": "films", "slake:/data/anna/SLAKE": "slake:SLAKE", "--out=/data/anna/mine": "--out=mine",
        "dz-osamu/UMIT-B": "dz-osamu/UMIT-B", "0.1": "0.1", "--lora": "--lora", "label=a/b": "label=a/b",
        "patient=(\\d+)/": "'patient=(\\d+)/'", "/": "/", ".": ".",
    }  # fmt: skip
    for word, told in table.items():
        assert spoken(["train", word]) == f"umit train {told}", word
