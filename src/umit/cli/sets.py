"""What ``umit train`` calls DATA: a set or files, how often their samples are seen, and in which language."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from umit.cli.parse import LANGUAGES, fields
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.training.parts import Part

__all__ = ["HELP", "DataSet", "taught_and_asked"]

HELP: Final = (
    "your own files, or NAME:ROOT for a set of umit data list; several are taught together, DATA@2 twice a pass, "
    "DATA@0.5 half of it a pass, DATA@zh in Chinese, DATA@variant=NAME (or split=, task=) as the option of that name"
)
#: The share of the patients that is kept for validation where files have no validation part of their own.
_SHARE: Final = 0.1
_OPTIONS: Final = ("language", "split", "task", "variant")


@dataclass(frozen=True, slots=True)
class DataSet:
    """One DATA.

    Args:
        name: Of a set, or the path of files.
        root: The set's folder; ``None`` of files.
        weight: How often each sample is seen in a pass.
        options: What the command's options of these names say of all.
    """

    name: str
    root: str | None = None
    weight: float = 1.0
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, words: str) -> Self:
        """Read a DATA; what stands on the disk as it is written is a path, whatever it spells.

        Raises:
            InputError: Behind an @ stands neither a weight, nor a language, nor NAME=VALUE.
        """
        rest, weight, options = words, 1.0, dict[str, str]()
        while "@" in rest and not _there(rest):
            before, _, said = rest.rpartition("@")
            name, pair, value = said.partition("=")
            if said in LANGUAGES:
                options.setdefault("language", said)
            elif pair and name in _OPTIONS and value:
                options.setdefault(name, value)
            elif (number := _number(said)) is not None:
                weight = number
            elif _there(before):
                raise InputError(
                    f"expected a weight, {' or '.join(LANGUAGES)}, or {'=, '.join(_OPTIONS)}= behind the @, "
                    f"got {said!r}", code="data", where=before,
                )  # fmt: skip
            else:
                break  # reading says what is wrong
            rest = before
        if not 0 < weight < math.inf:
            raise InputError(f"expected a weight above 0, got {weight:g}", code="weight", where=rest)
        return cls(*_named(rest), weight, options)

    @property
    def place(self) -> str:
        """The folder or file that is read."""
        return self.root or self.name

    def part(self, given: Namespace, split: str, *, weight: float = 1.0) -> Part:
        """Return the samples: of the split where the files have it, else all."""
        from umit.datasets import load
        from umit.training.parts import Part

        said = self._options(given)
        language = next((one for one in LANGUAGES if one == said["language"]), None)
        wanted = said["split"] or (split if given.resplit or split in self.splits(given) else None)
        return Part.of(load(
            self.name, self.root or given.root, split=wanted, language=language, variant=said["variant"],
            fields=fields(given), task=said["task"], resplit=given.resplit,
        ), weight)  # fmt: skip

    def splits(self, given: Namespace) -> tuple[str, ...]:
        """Return the splits that the files have themselves."""
        from umit.datasets import describe
        from umit.datasets.own import describe_own, splits_of

        if self.root:
            return tuple(describe(self.name).splits)
        place = Path(self.name).expanduser()
        pictures = None if given.root is None else Path(given.root)
        if not place.exists():
            return ()  # reading says what is wrong
        described = describe_own(place, root=pictures, layout=self._options(given)["variant"])
        return tuple(splits_of(described, fields(given)))

    def divided(self, given: Namespace) -> bool:
        """Return whether the files have a validation part of their own, which nobody asked to leave."""
        return not (given.resplit or self._options(given)["split"]) and "validation" in self.splits(given)

    def _options(self, given: Namespace) -> dict[str, str | None]:
        return {name: self.options.get(name) or getattr(given, name) for name in _OPTIONS}


def taught_and_asked(given: Namespace) -> tuple[Part, Part | float | None]:
    """Return what is taught, and what is asked: other samples, a share of the patients, or nothing.

    Raises:
        InputError: A share that is none, or a share beside other data.
        DatasetError: No samples, or files that cannot be read.
    """
    from umit.training.parts import divide, joined

    sets = [DataSet.of(words) for words in given.data]
    parts = [one.part(given, "train", weight=one.weight) for one in sets]
    if given.val:
        return joined(parts), _asked(given)
    own = [one.divided(given) for one in sets]
    if not any(own):
        return joined(parts), _SHARE
    asked = []
    for number, (one, has) in enumerate(zip(sets, own, strict=True)):
        if has:
            asked.append(one.part(given, "validation"))
        else:
            parts[number], kept = divide(parts[number], _SHARE, seed=given.seed)
            asked.append(kept)
    return joined(parts), joined(asked)


def _asked(given: Namespace) -> Part | float | None:
    from umit.training.parts import joined

    words: Sequence[str] = given.val
    shares = [_number(one) for one in words]
    if len(words) == 1 and words[0] == "none":
        return None
    if len(words) == 1 and shares[0] is not None:
        if not 0 < shares[0] < 1:
            raise InputError(f"expected a share between 0 and 1, got {shares[0]:g}", where="val")
        return shares[0]
    if alone := next((w for w, share in zip(words, shares, strict=True) if w == "none" or share is not None), None):
        raise InputError(f"expected {alone!r} alone, or other data in each --val", code="val", where="val")
    return joined([DataSet.of(one).part(given, "validation") for one in words])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _there(words: str) -> bool:
    name, root = _named(words)
    return bool(words) and Path(root or name).expanduser().exists()


def _named(words: str) -> tuple[str, str | None]:
    """Return a set's name and its folder, or a path alone."""
    from umit.datasets import NAMES

    name, colon, root = words.partition(":")
    return (name, root) if colon and name in NAMES else (words, None)
