"""Laws 2, 3 and 4 over every data set's fixture rows: same words, an oracle is perfect, noise is an error."""

from __future__ import annotations

import math
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from umit.chat import Request
from umit.checkpoints import RELEASED
from umit.datasets import NAMES, load
from umit.datasets.ask import asked
from umit.engine.encode import Encoder
from umit.errors import InputError, OutputError
from umit.fanout import taught
from umit.imaging.scan import Scan
from umit.metrics.metric import Pair
from umit.model import UMIT
from umit.tasks.table import TASKS
from umit.testing import ScriptedBackend
from umit.training.rows import pack, turns_of

from ..datasets.layouts import layout

CARD = RELEASED["dz-osamu/UMIT-B"]
EVERY = pytest.mark.parametrize("name", NAMES)
FEW = 8  # samples of one way to load; layouts are small
#: What whole numbers of UMIT's frames cost a perfect model on these layouts' small pictures and arrays.
FLOOR = {"mean IoU": 0.80, "Acc@0.75": 0.75, "Acc@0.5": 1.0, "MRE": 3.0, "radial error SD": 3.0}
OWN = ("umit", "MedMNIST")
STRUCTURED = ("answer_closed", "classify", "findings", "detect_2d", "detect_3d", "landmark")


@dataclass(frozen=True)
class Held:
    """Scans that were read once, for all laws."""

    held: tuple[Scan, ...]
    names: tuple[str, ...]
    is_volume: bool

    def scans(self) -> tuple[Scan, ...]:
        return self.held


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """Readable samples of every data set, from its drawn layout."""
    return {name: list(_readable(name, tmp_path_factory.mktemp(name))) for name in NAMES}


def _readable(name: str, root: Path) -> Iterator[Any]:
    layout(name).write(root)
    for given in layout(name).LOADS:
        read: dict[tuple[str, ...], Held] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number, sample in enumerate(load(name, root, **given)):
                if number == FEW:
                    break
                source = sample.source
                if source.names not in read:
                    try:
                        read[source.names] = Held(source.scans(), source.names, source.is_volume)
                    except InputError:  # a layout may hold a file that is none
                        continue
                yield replace(sample, source=read[source.names])


@EVERY
def test_law_2_a_row_is_its_request_and_its_answer(name: str, samples: dict[str, list[Any]], encoder: Encoder) -> None:
    for sample in samples[name]:
        pairs = list(asked(sample, CARD.tasks))
        row = pack(turns_of(sample, CARD.tasks), encoder)
        for number, (request, answer) in enumerate(pairs, start=1):
            prefix, rest = encoder.split(request)
            here = row.ids[(row.segments == 0) | (row.segments == number)]
            assert here[: len(prefix) + len(rest)].tolist() == [*prefix, *rest]
            assert row.taught[row.segments == number].sum() == len(here) - len(prefix) - len(rest) > 0
            assert answer


def presence_of(sample: Any) -> frozenset[str]:
    """Return the targets whose presence the card's weights tell, as ``predict`` asks it."""
    task = "detect_3d" if sample.source.is_volume else "detect_2d"
    return frozenset(target for name, target in CARD.presence if name == task)


@EVERY
def test_law_3_an_oracle_gets_every_best_value(name: str, samples: dict[str, list[Any]]) -> None:
    told = [t for sample in samples[name] for _, t in asked(sample, CARD.tasks, scored=presence_of(sample))]
    model = UMIT(ScriptedBackend(told), CARD)
    items = [(list(s.source.scans()), s.query) for s in samples[name]]
    found = list(model.predict(items))
    by_task = defaultdict(list)
    for sample, one in zip(samples[name], found, strict=True):
        assert not isinstance(one, Exception), one
        by_task[sample.task].append(Pair(sample.query, sample.gold, one, one.raw))
    for task, pairs in by_task.items():
        for metric in TASKS[task].metrics:
            value = metric(pairs)
            if math.isnan(value):  # nothing to score: no negatives, no spacing, one class
                continue
            if metric.protocol not in OWN:
                # Published scorers do not give the truth full marks: BLEU of a short answer is 0, letters are
                # looked for where there are numbers. The truth is still worth no less than other answers.
                assert not metric(_shuffled(pairs)) > value + 1e-12, (metric.name, metric.protocol)
            elif metric.name in FLOOR:
                floor = FLOOR[metric.name]
                assert value <= floor if metric.best == 0 else value >= floor, (metric, value)
            else:
                assert value == pytest.approx(metric.best, abs=1e-9), (task, metric.name, metric.protocol)


def _shuffled(pairs: list[Pair[Any]]) -> list[Pair[Any]]:
    """Each question with the answer of the next."""
    others = pairs[1:] + pairs[:1]
    return [Pair(a.query, a.gold, b.found, b.raw) for a, b in zip(pairs, others, strict=True)]


@EVERY
def test_law_4_noise_is_an_error_and_counts(name: str, samples: dict[str, list[Any]]) -> None:
    chosen = [s for s in samples[name] if s.task in STRUCTURED]
    if not chosen:
        return

    def nonsense(request: Request) -> str:
        return "[[?]]"

    model = UMIT(ScriptedBackend(nonsense), CARD)
    by_task = defaultdict(list)
    for sample, one in zip(chosen, model.predict((list(s.source.scans()), s.query) for s in chosen), strict=True):
        assert isinstance(one, OutputError)
        by_task[sample.task].append(Pair(sample.query, sample.gold, None, "[[?]]"))
    for task, pairs in by_task.items():
        for metric in TASKS[task].metrics:
            value = metric(pairs)
            if metric.best == 1.0 and not math.isnan(value):
                assert value <= 0.5 if metric.name == "AUC" else value == 0.0, (task, metric.name)


@EVERY
def test_parts_are_as_many_as_labels(name: str, samples: dict[str, list[Any]]) -> None:
    for sample in samples[name]:
        count = len(sample.query.labels) if sample.task == "findings" else 1
        assert len(list(taught(sample.query, sample.gold))) == count
