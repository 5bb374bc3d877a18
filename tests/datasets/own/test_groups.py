"""Patients told from paths: no split may divide what one of them, or one file, holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umit.datasets import load
from umit.datasets.own.groups import Groups
from umit.errors import DatasetError

from ..layouts.draw import picture

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


def _groups(*names: str, rule: str = "") -> list[str]:
    groups = Groups(rule)
    for name in names:
        groups.add(name)
    groups.close()
    return [groups.of(name) for name in names]


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (("person1_bacteria_1.jpeg", "person1_virus_2.jpeg", "person12_virus_1.jpeg"), ["person1", "person1", "person12"]),
        (("NORMAL2-IM-1018-0001.jpeg", "NORMAL2-IM-1019-0001.jpeg", "NORMAL2-IM-1019-0002.jpeg"), ["IM-1018", "IM-1019", "IM-1019"]),
        (("100_HC.png", "100_2HC.png", "101_2HC.png", "102_HC.png"), ["100", "100", "101", "102"]),
        (("00000001_000.png", "00000001_001.png", "00000002_000.png"), ["00000001", "00000001", "00000002"]),
        (("ISIC_0024306.jpg", "ISIC_0024307.jpg"), ["ISIC_0024306", "ISIC_0024307"]),
        (("covid-19-pneumonia-8.jpg", "covid-19-pneumonia-9.jpg"), ["pneumonia-8", "pneumonia-9"]),
        (("patient00001/study1/view1.jpg", "patient00001/study2/view1.jpg", "patient00002/study1/view1.jpg"), ["patient00001", "patient00001", "patient00002"]),
        (("anna/1.png", "anna/2.png", "berta/1.png"), ["anna", "anna", "berta"]),
        (("images/1_a.png", "images/1_b.png", "images/2_a.png"), ["1", "1", "2"]),
        (("x.png", "y.png"), ["x", "y"]),
        (("1.2.840.5.1.dcm", "1.2.840.5.2.dcm"), ["1", "2"]),
    ],
)  # fmt: skip
def test_groups_told_from_names(names: tuple[str, ...], groups: list[str]) -> None:
    assert _groups(*names) == groups


def test_a_rule_of_the_user() -> None:
    names = ("x_p1_a.png", "x_p1_b.png", "x_p2_a.png", "z.png")
    assert _groups(*names, rule=r"p(\d+)") == ["1", "1", "2", "z.png"]
    assert _groups(*names, rule=r"(x)_(p\d)") == ["x-p1", "x-p1", "x-p2", "z.png"]
    with pytest.raises(DatasetError, match="a regular expression as group"):
        Groups("(")


def test_files_of_the_same_bytes_join_their_groups(tmp_path: Path) -> None:
    for name, seed in (("a/p1.png", 1), ("a/p2.png", 2), ("b/p3.png", 1), ("b/p4.png", 4)):
        picture(tmp_path / name, seed=seed)
    groups = {Path(s.source.names[0]).stem: s.group for s in load(tmp_path)}
    assert groups["p1"] == groups["p3"] and len(set(groups.values())) == 3


@given(st.lists(st.from_regex(r"([ab]/)?p?\d{1,2}(_\d)?\.png", fullmatch=True), min_size=1, max_size=8))
def test_every_name_has_a_group_whatever_the_order(names: list[str]) -> None:
    found = dict(zip(names, _groups(*names), strict=True))
    assert all(found.values())
    assert dict(zip(reversed(names), _groups(*reversed(names)), strict=True)) == found


def test_a_patient_stays_in_one_split(tmp_path: Path) -> None:
    for number in range(40):
        picture(tmp_path / "ab"[number % 2] / f"person{number // 4}_{number}.png", seed=number)
    seen: dict[str, set[str]] = {}
    for split in ("train", "validation", "test"):
        for sample in load(tmp_path).dataset.read(load(tmp_path, split=split).choice):
            seen.setdefault(sample.group, set()).add(split)
    assert len(seen) == 10 and all(len(splits) == 1 for splits in seen.values())
