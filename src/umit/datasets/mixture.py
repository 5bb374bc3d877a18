"""Many data sets as one stream: seeded, weighted, shared out between processes, resumed where it stopped.

Hugging Face ``datasets`` does the streaming. A sample travels through it as bytes; its pictures do not, they
are read where they are used.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from umit.datasets.dataset import Sample
from umit.errors import DatasetError

if TYPE_CHECKING:
    from datasets import IterableDataset

__all__ = ["ALIGN_MIXTURE", "INSTRUCT_MIXTURE", "Mixture", "stream"]

#: Stage 1: about 2.5 million English and 0.5 million Chinese pairs (umit-formats.md's account of the paper).
ALIGN_MIXTURE: Final[Mapping[str, float]] = {"pmc-oa": 2.5, "cm-vl-a": 0.5}
#: Stage 2. The paper does not give its weights; ours grow with the square root of the published sizes, in
#: thousands of rows, so that 509,755 questions on volumes do not drown 150 films with landmarks.
INSTRUCT_MIXTURE: Final[Mapping[str, float]] = {
    "cm-vl-i": 21.7,
    "vqa-rad": 1.8,
    "pathvqa": 4.4,
    "m3d-vqa": 22.6,
    "m3d-cap": 10.8,
    "m3d-seg": 12.2,
    "slake": 3.1,
    "slake-boxes": 0.8,
    "medmnist-2d": 22.8,
    "medmnist-3d": 2.6,
    "iu-xray": 1.4,
    "peir-gross": 2.6,
    "rsna": 4.6,
    "isbi-2015": 1.7,
}
_KEY: Final = "sample"


def stream(samples: Iterable[Sample[Any, Any]]) -> IterableDataset:
    """Return samples as a Hugging Face stream of ``{"sample": bytes}``, a pickled sample each.

    Args:
        samples: Anything that can be passed over more than once, such as :class:`~umit.datasets.dataset.Samples`.
    """
    from datasets import Features, IterableDataset, Value

    found: IterableDataset = IterableDataset.from_generator(
        _packed, gen_kwargs={"samples": samples}, features=Features({_KEY: Value("large_binary")})
    )
    return found


def _packed(samples: Iterable[Sample[Any, Any]]) -> Iterator[dict[str, bytes]]:
    for sample in samples:
        yield {_KEY: pickle.dumps(sample)}


class Mixture:
    """Samples of several data sets in the order that a seed draws, without end in any one of them.

    A data set that ends begins again until the longest has been seen once. Two mixtures of the same arguments
    give the same samples; those of different ranks share none.

    Args:
        parts: Samples by name.
        weights: How often each name is drawn, in any scale; names that are not among ``parts`` are left out.
        seed: Of the order.
        rank: This process's number.
        world: How many processes share the stream.

    Raises:
        DatasetError: A part without a weight, or no parts.

    Example:
        >>> Mixture({"a": []}, {"b": 1.0})
        Traceback (most recent call last):
        umit.errors.DatasetError: expected a weight for every part, none for a
    """

    def __init__(
        self,
        parts: Mapping[str, Iterable[Sample[Any, Any]]],
        weights: Mapping[str, float],
        *,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        missing = [name for name in parts if not weights.get(name, 0) > 0]
        if missing or not parts:
            raise DatasetError(f"expected a weight for every part, none for {', '.join(missing) or 'nothing'}")
        self.parts, self.weights, self.seed = dict(parts), {name: weights[name] for name in parts}, seed
        from datasets import interleave_datasets
        from datasets.distributed import split_dataset_by_node

        whole = sum(weights[name] for name in parts)
        mixed = interleave_datasets(
            [stream(samples) for samples in parts.values()],
            probabilities=[weights[name] / whole for name in parts],
            seed=seed,
            stopping_strategy="all_exhausted",
        )
        self.world = world
        self._stream = split_dataset_by_node(mixed, rank=rank, world_size=world)

    def __iter__(self) -> Iterator[Sample[Any, Any]]:
        for row in self._stream:
            # Our own bytes from one line above; nothing from outside is unpickled.
            sample: Sample[Any, Any] = pickle.loads(row[_KEY])
            yield sample

    def state(self) -> dict[str, Any]:
        """Return where the stream is, as plain values that JSON holds."""
        found: dict[str, Any] = self._stream.state_dict()
        return found

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from where :meth:`state` was taken."""
        self._stream.load_state_dict(dict(state))
