"""What the questions of a batch share, read once: the words before the pictures, the pictures, first words."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from umit.chat import Request
from umit.engine.language import embedded_pictures, read_through
from umit.engine.load import Engine
from umit.engine.pixels import grid, patches, tokens
from umit.engine.positions import packed_mask, packed_positions, positions
from umit.engine.vision import encode_pictures
from umit.errors import BackendError

if TYPE_CHECKING:
    from transformers.cache_utils import DynamicCache

__all__ = ["Context", "Pictures", "read", "read_prefixes", "read_words"]

Frame: TypeAlias = NDArray[np.uint8]
#: Encoded pictures by their content, each as :func:`umit.engine.vision.encode_pictures` gives it.
Pictures: TypeAlias = dict[bytes, Tensor]

_AT_ONCE: Final = 32  # pictures in one call of the vision encoder: a volume
_PIECE: Final = 1024  # words read in one pass: the mask of all of a long list of options would not fit into memory
_LEAST: Final = 4  # ids that are worth a beginning of their own


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What each row of a batch has read so far.

    Args:
        cache: Keys and values of every layer, ``(B, heads, K, width)``; grows in place as rows read on.
        real: bool ``(B, K)``, False where the cache holds padding.
        after: int64 ``(B,)``, the position of the next token.
    """

    cache: DynamicCache
    real: NDArray[np.bool_]
    after: NDArray[np.int64]

    def rows(self, index: Sequence[int]) -> Context:
        """Return a context of these rows, each as often as it is named; this one stays as it is."""
        if list(index) == list(range(len(self.after))):
            return self
        found = self.fork()
        found.cache.batch_select_indices(torch.tensor(index, dtype=torch.long))
        return replace(found, real=self.real[list(index)], after=self.after[list(index)])

    def fork(self) -> Context:
        """Return a context that reads on by itself: layers grow by new tensors, so what is there is shared."""
        cache: Any = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        return replace(self, cache=cache)

    def beside(self, other: Context) -> Context:
        """Return a context of both's rows, one behind another, each without what its cache holds as padding."""
        counts = np.concatenate([self.real.sum(1), other.real.sum(1)])
        places = np.arange(int(counts.max(initial=0)))
        index = np.concatenate([_last(one.real, len(places)) for one in (self, other)])
        found, split = self.fork(), len(self.after)
        for mine, theirs in zip(found.cache.layers, other.cache.layers, strict=True):
            for name in ("keys", "values"):
                own = [_picked(getattr(mine, name), index[:split]), _picked(getattr(theirs, name), index[split:])]
                setattr(mine, name, torch.cat(own))
        real = places >= len(places) - counts[:, None]
        return Context(found.cache, real, np.concatenate([self.after, other.after]))


def _last(real: NDArray[np.bool_], length: int) -> NDArray[np.int64]:
    """Return where the real columns of each row stand, ``(B, length)``, the last one last; 0 where it has fewer."""
    found = np.zeros((len(real), length), np.int64)
    for row, own in enumerate(real):
        columns = np.flatnonzero(own)
        found[row, length - len(columns) :] = columns
    return found


def _picked(values: Tensor, index: NDArray[np.int64]) -> Tensor:
    """Return columns ``index`` ``(B, L)`` of each row of keys or values ``(B, heads, K, width)``."""
    where = torch.from_numpy(index).to(values.device)[:, None, :, None]
    return values.gather(2, where.expand(-1, values.shape[1], -1, values.shape[3]))


def read(
    engine: Engine,
    context: Context,
    embedded: Tensor,
    segments: NDArray[np.int64],
    places: NDArray[np.int64],
    *,
    here: Tensor | None = None,
    pictures: Tensor | None = None,
) -> tuple[Context, Tensor]:
    """Let every row read on.

    Args:
        engine: The weights.
        context: What was read before; its cache is used up.
        embedded: ``(B, L, width)``, what is read.
        segments: int64 ``(B, L)``: -1 in padding; tokens see what was read before and their own segment.
        places: int64 ``(3, B, L)``, M-RoPE's positions.
        here: bool ``(B, L)``, True at picture tokens; ``None`` where there are none.
        pictures: What stands there, ``(tokens, …)``.

    Returns:
        The longer context, ``after`` unchanged, and the last layer's output ``(B, L, width)``.
    """
    own = packed_mask(segments)
    past = np.broadcast_to(context.real[:, None, None, :], (*own.shape[:3], context.real.shape[1]))
    mask = torch.from_numpy(np.concatenate([past, own], axis=-1)).to(engine.device)
    hidden = read_through(
        engine.model, embedded, mask, torch.from_numpy(places).to(engine.device),
        here=here, pictures=pictures, cache=context.cache,
    )  # fmt: skip
    real = np.concatenate([context.real, segments >= 0], axis=1)
    return replace(context, real=real), hidden


def read_words(engine: Engine, context: Context, ids: Sequence[Sequence[int]]) -> tuple[Context, Tensor]:
    """Let every row read its own words.

    Args:
        engine: The weights.
        context: What was read before.
        ids: Token ids of each row, none empty, of any lengths; padded on the left.

    Returns:
        The longer context, and float32 logits ``(B, vocabulary)`` of the token that follows.
    """
    padded, segments = _left_padded(ids, engine.encoder.padding)
    counts = (segments >= 0).sum(axis=1)
    ahead = np.arange(padded.shape[1]) - (padded.shape[1] - counts)[:, None]
    rows = context.after[:, None] + np.maximum(ahead, 0)
    places = np.repeat(rows[None], 3, axis=0)
    for start in range(0, padded.shape[1], _PIECE):
        some = slice(start, start + _PIECE)
        given = embed(engine, padded[:, some]), segments[:, some], places[..., some]
        context, hidden = read(engine, context, *given)
    return replace(context, after=context.after + counts), logits(engine, hidden[:, -1])


def read_prefixes(
    engine: Engine, requests: Sequence[Request], known: Mapping[bytes, Tensor]
) -> tuple[Context, list[list[int]], Pictures]:
    """Read what questions share: their system line and pictures, and the words that several begin with.

    All beginnings stand in one row behind their pictures, each seeing the pictures and itself only.

    Args:
        engine: The weights.
        requests: A batch.
        known: Pictures that were encoded before.

    Returns:
        A context with a row for each request, the ids that each has left to read, and the pictures.
    """
    arrays = {id(frame): frame for request in requests for frame in request.frames}
    digests = {key: _content(frame) for key, frame in arrays.items()}  # one look at each array
    contents = [tuple(digests[id(frame)] for frame in request.frames) for request in requests]
    split = [engine.encoder.split(request) for request in requests]
    distinct: dict[tuple[tuple[int, ...], tuple[bytes, ...]], int] = {}
    rows = [
        distinct.setdefault((tuple(ids), content), len(distinct))
        for (ids, _), content in zip(split, contents, strict=True)
    ]
    asked = [words for _, words in split]
    begun = _beginnings(rows, asked)
    packed = [_Row(list(ids)) for ids, _ in distinct]
    numbers = [packed[r].segment(w[:n]) for r, w, n in zip(rows, asked, begun, strict=True)]
    frames = {
        key: frame
        for request, content in zip(requests, contents, strict=True)
        for key, frame in zip(content, request.frames, strict=True)
    }
    pictures = _encoded(engine, frames, known)
    ids, segments = _left_padded([row.ids for row in packed], engine.encoder.padding)
    places = np.zeros((3, *ids.shape), np.int64)
    after = np.zeros(len(distinct), np.int64)
    for row, (words, content) in enumerate(distinct):
        start = ids.shape[1] - len(packed[row].ids)
        segments[row, start:] = packed[row].segments
        grids = [grid(frames[key], engine.encoder.family) for key in content]
        found, after[row] = positions(words, grids, engine.encoder.image_pad)
        places[:, row, start:] = packed_positions(found, int(after[row]), segments[row, start:])
    context = _nothing(engine, after)
    if ids.shape[1]:
        shown = [pictures[key] for _, content in distinct for key in content]
        embedded = embed(engine, ids)
        here = torch.from_numpy(ids == engine.encoder.image_pad).to(engine.device)
        joined = torch.cat(shown) if shown else None
        if joined is not None:
            embedded = embedded_pictures(embedded, here, joined)
        context, _ = read(engine, context, embedded, segments, places, here=here, pictures=joined)
    context = context.rows(rows)
    own = segments[rows]
    real = (own == 0) | ((own > 0) & (own == np.array(numbers)[:, None]))
    left = [words[count:] for words, count in zip(asked, begun, strict=True)]
    return replace(context, real=real, after=context.after + np.array(begun)), left, pictures


@dataclass(frozen=True, slots=True)
class _Row:
    """A prefix and the beginnings behind it, without repeats."""

    ids: list[int]
    segments: list[int] = field(default_factory=list)
    known: dict[tuple[int, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.segments.extend([0] * len(self.ids))

    def segment(self, words: Sequence[int]) -> int:
        """Return the number of a beginning, put down if it is new; 0 for none."""
        key = tuple(words)
        if key and key not in self.known:
            self.known[key] = len(self.known) + 1
            self.ids.extend(key)
            self.segments.extend([self.known[key]] * len(key))
        return self.known.get(key, 0)


def _beginnings(rows: Sequence[int], asked: Sequence[Sequence[int]]) -> list[int]:
    """Return how many first ids of each question are read with its prefix, never all of them.

    Those that others with the same prefix begin with; and, where some do, so many of a longer question that
    what is left of all can be read together with little padding.
    """
    counts = [0] * len(asked)
    for group, length in _begin_alike(rows, asked):
        for one in group:
            counts[one] = length
    longest = max((len(a) - n for a, n in zip(asked, counts, strict=True) if n), default=None)
    if longest is None:
        return counts
    return [n or max(0, len(a) - longest) for a, n in zip(asked, counts, strict=True)]


def _begin_alike(rows: Sequence[int], asked: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], int]]:
    """Yield the questions, two or more, that are worth a beginning of their own, and how long it is."""
    group: list[int] = []
    length = 0
    for one in sorted(range(len(asked)), key=lambda k: (rows[k], asked[k])):
        alike = 0
        if group and rows[group[0]] == rows[one]:
            alike = min(length, _alike(asked[group[0]], asked[one]), len(asked[one]) - 1)
        # One more shares the beginning; those that share it already share less.
        if alike > (len(group) - 1) * (length - alike) and alike >= _LEAST:
            group.append(one)
            length = alike
            continue
        if len(group) > 1:
            yield group, length
        group, length = [one], len(asked[one]) - 1
    if len(group) > 1:
        yield group, length


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many first ids are the same."""
    pairs = zip(one, other, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def embed(engine: Engine, ids: NDArray[np.int64]) -> Tensor:
    """Return the embeddings ``(B, L, width)`` of ids ``(B, L)``."""
    table: Any = engine.model.get_input_embeddings()
    found: Tensor = table(torch.from_numpy(ids).to(engine.device))
    return found


def logits(engine: Engine, hidden: Tensor) -> Tensor:
    """Return float32 logits ``(…, vocabulary)``; bfloat16 is too coarse for log-probabilities.

    Raises:
        BackendError: What the layers gave is no finite number.
    """
    head: Any = engine.model.lm_head
    found: Tensor = head(_finite(engine, hidden, "the language model")).float()
    return found


def _finite(engine: Engine, values: Tensor, who: str) -> Tensor:
    """Return what is all finite: float16 ends at 65504, and what is past it becomes no number some layers later."""
    if not bool(torch.isfinite(values).all()):
        kind = str(engine.dtype).removeprefix("torch.")
        other = "bfloat16' or 'float32" if kind == "float16" else "float32"
        raise BackendError(
            f"expected finite numbers from {who}, got NaN or infinity in {kind}; "
            + (f"load the weights with dtype='{other}'" if kind != "float32" else "the weights are damaged"),
            engine="local",
        )
    return values


def _nothing(engine: Engine, after: NDArray[np.int64]) -> Context:
    from transformers.cache_utils import DynamicCache

    cache: Any = DynamicCache
    made = cache(config=engine.model.config.text_config)
    return Context(made, np.zeros((len(after), 0), np.bool_), after)


def _left_padded(ids: Sequence[Sequence[int]], padding: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids ``(B, L)`` and segments: 1 where there is a token, -1 in padding."""
    longest = max(map(len, ids))
    padded = np.full((len(ids), longest), padding, np.int64)
    segments = np.full((len(ids), longest), -1, np.int64)
    for row, own in enumerate(ids):
        padded[row, longest - len(own) :] = own
        segments[row, longest - len(own) :] = 1
    return padded, segments


def _content(frame: Frame) -> bytes:
    # With the shape: 30 x 100 and 100 x 30 pictures may hold the same bytes (CVE-2025-46722).
    digest = hashlib.sha256(repr(frame.shape).encode())
    digest.update(np.ascontiguousarray(frame).data)
    return digest.digest()


def _encoded(engine: Engine, frames: Mapping[bytes, Frame], known: Mapping[bytes, Tensor]) -> Pictures:
    family = engine.encoder.family
    found = {key: known[key] for key in frames if key in known}
    missing = [key for key in frames if key not in known]
    for start in range(0, len(missing), _AT_ONCE):
        keys = missing[start : start + _AT_ONCE]
        shown = [frames[key] for key in keys]
        pixels = torch.from_numpy(patches(shown, family)).to(engine.device)
        encoded = encode_pictures(engine.model.model.visual, pixels, [grid(f, family) for f in shown])
        encoded = _finite(engine, encoded, "the vision encoder")
        parts = torch.split(encoded, [tokens(f, family) for f in shown])
        found.update(zip(keys, parts, strict=True))
    return found
