"""Training and validation share no patient, and each class has its share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.training.films import write_films

from umit.datasets import load
from umit.errors import DatasetError, InputError
from umit.training.parts import Part, divide, joined, refuse_shared

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Part:
    return Part.of(load(write_films(tmp_path_factory.mktemp("set") / "films")))


def test_groups_stay_whole_and_classes_keep_their_share(films: Part) -> None:
    training, validation = divide(films, 0.25, seed=1)
    assert {s.group for s in training}.isdisjoint(s.group for s in validation)
    assert len(training) + len(validation) == len(films) == 32
    assert sorted(s.gold.label for s in validation) == ["dark"] * 4 + ["light"] * 4
    assert divide(films, 0.25, seed=1)[1].digest == validation.digest
    assert divide(films, 0.25, seed=2)[1].digest != validation.digest
    refuse_shared(training, validation)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_a_share_is_between_none_and_all(films: Part, share: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        divide(films, share)


def test_one_patient_cannot_be_divided(films: Part) -> None:
    with pytest.raises(InputError, match="patients enough"):
        divide(Part((s for s in films if s.group == films[0].group), {}), 0.5)


def test_a_shared_patient_is_named_with_both_places(films: Part) -> None:
    training, validation = films[:7], films[7:]
    with pytest.raises(DatasetError, match=r"person3_1\.png: .*person3.*person3_0\.png"):
        refuse_shared(training, validation)


def test_the_same_bytes_are_the_same_picture(films: Part) -> None:
    copied = Part([replace(films[0], group="someone else")], {})
    with pytest.raises(DatasetError, match=r"the bytes of 'dark/person0_0\.png'"):
        refuse_shared(films[:4], copied)


def test_several_sets_are_one_with_ids_apart(films: Part) -> None:
    both = joined([films, films[:2]])
    assert len({s.id for s in both}) == len(both) == 34
    assert [one["samples"] for one in both.described["sets"]] == [32, 2]
    assert joined([films]) is films
