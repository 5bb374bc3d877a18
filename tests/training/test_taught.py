"""What is taught and what is asked are looked through together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.training.films import write_films

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.engine.encode import Encoder
from umit.errors import DatasetError
from umit.training.parts import Part
from umit.training.taught import digest, parts_of


@pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
def test_a_share_takes_no_picture_that_is_taught_under_another_group(tmp_path: Path, encoder: Encoder) -> None:
    films = list(load(write_films(tmp_path / "films")))
    taught, asked = parts_of(films, 0.25, PHANTOM, encoder, seed=0)
    assert isinstance(taught, Part) and asked is not None and len(taught) + len(asked) == len(films)
    again = [replace(one, id=f"again-{one.id}", group=f"again-{one.group}") for one in films]
    with pytest.raises(DatasetError, match=r"the bytes of .*give both the same group"):
        parts_of([*films, *again], 0.25, PHANTOM, encoder, seed=0)


@pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")
def test_other_pictures_of_the_same_names_are_other_data(tmp_path: Path) -> None:
    folder = write_films(tmp_path / "films", patients=2)
    before = digest(Part.of(load(folder)))
    assert digest(Part.of(load(folder))) == before != digest(Part.of(load(folder), 2.0))
    path = next(folder.rglob("*.png"))
    path.write_bytes(path.read_bytes() + b"more")
    assert digest(Part.of(load(folder))) != before
