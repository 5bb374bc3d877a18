"""``evaluate``: every sample of a data set asked through the path that users have, into a journal."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from umit.datasets.dataset import Sample
from umit.errors import InputError, UMITError
from umit.evaluation.journal import Journal
from umit.evaluation.record import distinct, failed, record_of
from umit.evaluation.score import Score, score
from umit.imaging.scan import Scan
from umit.model import UMIT
from umit.queries import Query

__all__ = ["ask", "evaluate"]


def evaluate(
    model: UMIT,
    samples: Iterable[Sample[Any, Any]],
    run: Path | str,
    *,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Score:
    """Ask every sample, keep every answer, and score them.

    Stopped at any point, the same call goes on: answers that are there are not asked again, failures are.

    Args:
        model: Any checkpoint behind any engine.
        samples: From :func:`umit.datasets.load`, or a list.
        run: Folder of the journal; made if it does not exist. Each shard takes a folder of its own below it.
        limit: Only so many samples, the first.
        shard: ``(k, n)``: every n-th sample from the k-th on, from 1, so that n processes share a data set.

    Returns:
        The score of this shard's answers; :func:`umit.evaluation.score.score` reads all shards together.

    Raises:
        InputError: The journal is another run's, another process writes it, or two samples have one id.
        DatasetError: A row of the data set is wrong.
    """
    return score(ask(model, samples, run, limit=limit, shard=shard))


def ask(
    model: UMIT,
    samples: Iterable[Sample[Any, Any]],
    run: Path | str,
    *,
    limit: int | None = None,
    shard: tuple[int, int] = (1, 1),
) -> Path:
    """Ask every sample and keep every answer, as :func:`evaluate` does before it scores.

    Args:
        model: As for :func:`evaluate`, and so are the others.
        samples: What is asked.
        run: Folder of the journal.
        limit: Only so many samples, the first.
        shard: This process's share.

    Returns:
        The folder of this shard's journal.

    Raises:
        InputError: The journal is another run's, another process writes it, or two samples have one id.
        DatasetError: A row of the data set is wrong.
    """
    number, count = shard
    if not 1 <= number <= count:
        raise InputError(f"expected a shard (k, n) with 1 <= k <= n, got {shard}", code="shard")
    folder = Path(run) / f"{number}-of-{count}" if count > 1 else Path(run)
    wanted = islice(distinct(samples), number - 1, limit, count)
    with Journal(folder, _manifest(model, samples, limit)) as journal:
        _ask(model, (s for s in wanted if s.id not in journal.done), journal)
    return folder


def _ask(model: UMIT, samples: Iterator[Sample[Any, Any]], journal: Journal) -> None:
    waiting: deque[Sample[Any, Any]] = deque()
    unread: deque[tuple[Sample[Any, Any], UMITError]] = deque()
    with tqdm(delay=2, leave=False, unit="question", desc="answered") as bar:
        for found in model.predict(_items(samples, waiting, unread)):
            sample = waiting.popleft()
            journal.add(sample.id, record_of(sample, found), ok=not failed(found))
            bar.update()
    for sample, error in unread:
        journal.add(sample.id, record_of(sample, error), ok=False)


def _items(
    samples: Iterator[Sample[Any, Any]],
    waiting: deque[Sample[Any, Any]],
    unread: deque[tuple[Sample[Any, Any], UMITError]],
) -> Iterator[tuple[list[Scan], Query]]:
    """Yield what ``predict`` takes; a picture is read once for all its questions in a row."""
    names: tuple[str, ...] = ()
    scans: tuple[Scan, ...] = ()
    for sample in samples:
        if sample.source.names != names:
            try:
                scans, names = sample.source.scans(), sample.source.names
            except UMITError as error:
                unread.append((sample, error))
                continue
        waiting.append(sample)
        yield list(scans), sample.query


def _manifest(
    model: UMIT, samples: Iterable[Sample[Any, Any]], limit: int | None
) -> dict[str, Any]:
    """What answers depend on: weights, prompts, frames and windows (the card), and the data."""
    card = asdict(model.checkpoint)
    return {
        "checkpoint": model.checkpoint.name,
        "weights": model.fingerprint,
        "card": hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest(),
        **getattr(samples, "described", {"dataset": "samples"}),  # a list says nothing of itself
        "limit": limit,
    }
