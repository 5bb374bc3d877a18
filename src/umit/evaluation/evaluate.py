"""``evaluate``: every sample of a data set asked through the path that users have, into a journal."""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tqdm import tqdm  # type: ignore[import-untyped]

from umit.checkpoints import write_card
from umit.datasets.dataset import Sample, Samples
from umit.errors import InputError
from umit.evaluation.journal import Journal
from umit.evaluation.record import distinct, failed, record_of
from umit.evaluation.score import Score, score
from umit.imaging.prefetch import Scans
from umit.model import UMIT
from umit.queries import Query

__all__ = ["ask", "evaluate"]

_EVERY: Final = 120.0  # seconds between two lines of a log


def evaluate(
    model: UMIT,
    samples: Iterable[Sample[Any, Any]],
    run: Path | str,
    *,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    workers: int = 0,
) -> Score:
    """Ask every sample, keep every answer, and score them.

    Stopped at any point, the same call goes on: answers that are there are not asked again, failures are.

    Args:
        model: Any checkpoint behind any engine.
        samples: From :func:`umit.datasets.load`, or a list.
        run: Folder of the journal; made if it does not exist. Each shard takes a folder of its own below it.
        limit: Only so many samples, the first.
        shard: ``(k, n)``: every n-th sample from the k-th on, from 1, so that n processes share a data set.
        workers: Pictures that threads read ahead while the model answers; what is answered is the same.

    Returns:
        The score of this shard's answers; :func:`umit.evaluation.score.score` reads all shards together.

    Raises:
        InputError: The journal is another run's, another process writes it, or two samples have one id.
        DatasetError: A row of the data set is wrong; rows are counted first, so that this is told early.
    """
    return score(ask(model, samples, run, limit=limit, shard=shard, workers=workers))


def ask(
    model: UMIT,
    samples: Iterable[Sample[Any, Any]],
    run: Path | str,
    *,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
    workers: int = 0,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Ask every sample and keep every answer, as :func:`evaluate` does before it scores.

    Args:
        model: Any checkpoint behind any engine.
        samples: What is asked.
        run: Folder of the journal.
        limit: Only so many samples, the first.
        shard: This process's share, ``(k, n)``.
        workers: Pictures that are read ahead.
        tell: Called with a line every few minutes where there is no terminal for a bar.

    Returns:
        The folder of this shard's journal.

    Raises:
        InputError: The journal is another run's, another process writes it, two samples have one id, or a limit below
            0.
        DatasetError: A row of the data set is wrong.
    """
    number, count = shard
    if limit is not None and limit < 0:
        raise InputError(f"expected a limit from 0, got {limit}", code="limit", where="limit")
    if not 1 <= number <= count:
        raise InputError(f"expected a shard (k, n) with 1 <= k <= n, got {shard}", code="shard")
    folder = Path(run) / f"{number}-of-{count}" if count > 1 else Path(run)
    wanted = islice(distinct(samples), number - 1, limit, count)
    with Journal(folder, _manifest(model, samples, limit)) as journal:
        write_card(model.checkpoint, folder)  # in whose words and frames the answers are
        seen = 0

        def left() -> Iterator[Sample[Any, Any]]:
            nonlocal seen
            for sample in wanted:
                seen += 1
                if sample.id not in journal.done:
                    yield sample

        total = _total(samples, limit, shard)
        journal.expect(total)
        known = dict(total=total, initial=len(journal.done))
        shown: dict[str, Any] = dict(unit="question", desc="answered", disable=None)
        with tqdm(**known, **shown, delay=2, leave=False) as bar:
            done = _told(bar, len(journal.done), total, tell)
            _ask(model, left(), workers, journal, done)
        journal.expect(seen)
    return folder


def _total(samples: Iterable[Sample[Any, Any]], limit: int | None, shard: tuple[int, int]) -> int | None:
    """Return how many samples this process asks in all; ``None`` if that cannot be known before."""
    count: int | None = None
    if isinstance(samples, Sized):
        count = len(samples)
    elif isinstance(samples, Samples):
        count = samples.counted(limit)
    if count is None:
        return None
    return len(range(shard[0] - 1, count if limit is None else min(limit, count), shard[1]))


def _told(bar: Any, count: int, total: int | None, tell: Callable[[str], None] | None) -> Callable[[], None]:
    """Return what counts an answer: in the bar, or in a line now and then where a log would be filled by one."""
    said = time.monotonic()

    def done() -> None:
        nonlocal count, said
        count += 1
        bar.update()
        if bar.disable and tell is not None and time.monotonic() - said >= _EVERY:
            said = time.monotonic()
            tell(f"{count} of {'?' if total is None else total} answered")

    return done


def _ask(
    model: UMIT, samples: Iterable[Sample[Any, Any]], workers: int, journal: Journal, done: Callable[[], None]
) -> None:
    waiting: deque[Sample[Any, Any]] = deque()

    def items() -> Iterator[tuple[Scans, Query]]:
        for sample in samples:
            waiting.append(sample)
            yield sample.source, sample.query

    for found in model.predict(items(), progress=False, workers=workers):
        sample = waiting.popleft()
        journal.add(sample.id, record_of(sample, found), ok=not failed(found))
        done()


def _manifest(model: UMIT, samples: Iterable[Sample[Any, Any]], limit: int | None) -> dict[str, Any]:
    """What answers depend on: weights, prompts, frames and windows (the card), and the data."""
    card = asdict(model.checkpoint)
    return {
        "checkpoint": model.checkpoint.name,
        "weights": model.fingerprint,
        "card": hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest(),
        **({} if model.constrained else {"constrained": False}),
        **getattr(samples, "described", {"dataset": "samples"}),  # a list says nothing of itself
        "limit": limit,
    }
