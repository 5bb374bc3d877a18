"""Questions on the same pictures stand together: in a pass they follow one another, in a step they share a row."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from umit.datasets.dataset import Sample
from umit.training.rows import PackedRow, kinds_of

__all__ = ["merged", "pictures_of", "together"]


def together(order: NDArray[np.int64], pictures: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return an order in which samples on the same pictures follow one another, where the first of them stood.

    Args:
        order: Places of samples.
        pictures: Of every sample, by its place.

    Example:
        >>> together(np.array([2, 0, 3, 1]), ["film", "skull", "film", "skull"]).tolist()
        [2, 0, 3, 1]
        >>> together(np.array([2, 3, 0, 1]), ["film", "skull", "film", "skull"]).tolist()
        [2, 0, 3, 1]
    """
    first: dict[Hashable, int] = {}
    shown = [first.setdefault(pictures[place], number) for number, place in enumerate(order.tolist())]
    return order[np.argsort(shown, kind="stable")]


def pictures_of(samples: Iterable[Sample[Any, Any]]) -> list[Hashable]:
    """Return what tells each sample's pictures from others', without reading them."""
    return [(sample.source.names, sample.source.is_volume) for sample in samples]


def merged(rows: Sequence[PackedRow]) -> list[PackedRow]:
    """Return rows in which all questions behind the same pictures and words stand in one; no answer sees another.

    Args:
        rows: Of a step.
    """
    behind: dict[Hashable, list[PackedRow]] = {}
    for place, row in enumerate(rows):
        shown = tuple((frame.shape, frame.tobytes()) for frame in row.frames)
        alone = place if not shown or row.taught[row.segments == 0].any() else -1
        behind.setdefault((alone, row.ids[row.segments == 0].tobytes(), shown), []).append(row)
    return [_merged(some) if len(some) > 1 else some[0] for some in behind.values()]


def _merged(rows: Sequence[PackedRow]) -> PackedRow:
    before = np.cumsum([0, *(row.segments.max() for row in rows)])
    kept = [row.segments >= min(number, 1) for number, row in enumerate(rows)]  # the beginning once
    return PackedRow(
        frames=rows[0].frames,
        ids=np.concatenate([row.ids[here] for row, here in zip(rows, kept, strict=True)]),
        segments=np.concatenate([
            np.where(row.segments > 0, row.segments + base, 0)[here]
            for row, here, base in zip(rows, kept, before, strict=False)
        ]),
        taught=np.concatenate([row.taught[here] for row, here in zip(rows, kept, strict=True)]),
        name=", ".join(dict.fromkeys(row.name for row in rows)),
        kinds=tuple(kind for row in rows for kind in kinds_of(row)) if any(row.kinds for row in rows) else (),
        family=rows[0].family,
    )  # fmt: skip
