"""The mixture: seeded, weighted, shared without overlap, resumed in place; and the two stages' weights."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from umit.datasets import NAMES, describe
from umit.datasets.dataset import Sample
from umit.datasets.mixture import ALIGN_MIXTURE, INSTRUCT_MIXTURE, Mixture
from umit.datasets.pictures import Files
from umit.errors import DatasetError
from umit.queries import Ask
from umit.results import Answer

WEIGHTS = {"a": 3.0, "b": 1.0}


@dataclass(frozen=True)
class Some:
    """So many samples, as often as they are asked for."""

    name: str
    count: int

    def __iter__(self) -> Iterator[Sample[Any, Any]]:
        for number in range(self.count):
            yield Sample(
                id=f"{self.name}-{number}",
                query=Ask("结节在哪里？", language="zh"),
                gold=Answer(text="左"),
                source=Files((Path("film.png"),)),
                group=str(number),
            )


def _mixture(**given: Any) -> Mixture:
    return Mixture({"a": Some("a", 300), "b": Some("b", 100)}, WEIGHTS, **given)


def _ids(mixture: Mixture) -> list[str]:
    return [sample.id for sample in mixture]


def test_a_seed_gives_one_order_and_every_sample() -> None:
    first = _ids(_mixture(seed=5))
    assert first == _ids(_mixture(seed=5)) != _ids(_mixture(seed=6))
    assert len(set(first)) == 400
    shares = Counter(name[0] for name in first[:200])
    assert 130 <= shares["a"] <= 170, "three in four"


def test_processes_share_without_overlap() -> None:
    whole = _ids(_mixture())
    parts = [_ids(_mixture(rank=rank, world=3)) for rank in range(3)]
    assert sorted(one for part in parts for one in part) == sorted(whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_it_resumes_where_it_stopped() -> None:
    whole = _ids(_mixture(rank=1, world=2))
    running = _mixture(rank=1, world=2)
    seen = [sample.id for sample in islice(running, 37)]
    state = json.loads(json.dumps(running.state()))
    later = _mixture(rank=1, world=2)
    later.resume(state)
    assert seen + _ids(later) == whole


def test_a_part_needs_a_weight() -> None:
    with pytest.raises(DatasetError, match="none for b"):
        Mixture({"b": Some("b", 1)}, {"a": 1.0})


def test_the_stages_name_data_sets_of_their_tasks() -> None:
    assert not set(ALIGN_MIXTURE) & set(INSTRUCT_MIXTURE)
    assert set(ALIGN_MIXTURE) | set(INSTRUCT_MIXTURE) == set(NAMES)
    assert all("caption" in describe(name).tasks for name in ALIGN_MIXTURE)
