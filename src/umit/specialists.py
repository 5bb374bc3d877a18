"""Several checkpoints as one: each verb goes to the one that was named for it, which is loaded when it is first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NoReturn

from umit.chat import Request
from umit.checkpoints import Checkpoint
from umit.errors import BackendError, InputError, UMITError, UnsupportedTaskError
from umit.fanout import Outcome
from umit.imaging.prefetch import Scans
from umit.queries import Ask, Choose, Compare, Describe, Find, Locate, Query

__all__ = ["VERBS", "Loading", "Specialists", "cards_by_verb", "one_card", "verb_of"]

#: Verbs by the queries that they ask.
VERBS: Final[Mapping[type[Any], str]] = {
    Ask: "answer",
    Describe: "report",
    Choose: "classify",
    Find: "detect",
    Locate: "landmarks",
    Compare: "compare",
}
_AHEAD: Final = 64  # items that are sorted by their checkpoint, so that each gets several at a time


def verb_of(query: Query) -> str:
    """Return the verb that asks a query.

    Raises:
        InputError: No query of ours.

    Example:
        >>> verb_of(Find("nodule"))
        'detect'
    """
    found = VERBS.get(type(query))
    if found is None:
        raise InputError(
            f"expected a query of {', '.join(k.__name__ for k in VERBS)}, got {query!r:.200}", code="query"
        )
    return found


class Specialists:
    """Models by verb, in the place of one engine; each is loaded when it is first asked.

    Args:
        named: Weights, or a loaded model, by verb: ``"answer"``, ``"report"``, ``"classify"``, ``"detect"``,
            ``"landmarks"``, ``"compare"``. What several verbs name is loaded once.
        load: Loads the weights of a verb.

    Raises:
        InputError: A verb that is none, no verb, or what is neither weights nor a model.

    Example:
        >>> from umit import UMIT
        >>> Specialists({"answer": "dz-osamu/VQA"}, load=lambda verb, place: UMIT.from_pretrained(place))
        Specialists({'answer': 'dz-osamu/VQA'})
    """

    def __init__(self, named: Mapping[str, Any], *, load: Callable[[str, str | Path], Any]) -> None:
        if not named or {*named} - {*VERBS.values()}:
            came = ", ".join(map(str, named)) or "none"
            raise InputError(f"expected checkpoints for {', '.join(VERBS.values())}, got them for {came}", code="verb")
        for verb, one in named.items():
            if not isinstance(one, str | Path) and not hasattr(one, "backend"):
                raise InputError(f"expected a name, a folder or a model, got {one!r:.80}", code="verb", where=verb)
        self.named = dict(named)
        self._load = load
        self._loaded: dict[str, Any] = {}

    def __repr__(self) -> str:
        return (
            f"Specialists({ ({verb: one if isinstance(one, str) else str(one) for verb, one in self.named.items()})!r})"
        )

    @property
    def card(self) -> Checkpoint:
        """A card that knows no task, since each model has its own: :meth:`of` gives them."""
        told = ", ".join(
            f"{verb}: {Path(one).name if isinstance(one, Path) else one}" for verb, one in self.named.items()
        )
        return Checkpoint(name=told, task_names=())

    def of(self, verb: str) -> Any:
        """Return the model of a verb, loaded now if it was not asked before.

        Raises:
            UnsupportedTaskError: None was named for it.
            CheckpointError: Its weights or card are missing or do not fit.
        """
        if verb not in self.named:
            raise UnsupportedTaskError(f"no checkpoint was named for {verb}, but for {', '.join(self.named)}")
        one = self.named[verb]
        if not isinstance(one, str | Path):
            return one
        if str(one) not in self._loaded:
            self._loaded[str(one)] = self._load(verb, one)
        return self._loaded[str(one)]

    def generate(self, requests: Iterable[Request]) -> Iterator[NoReturn]:
        """Refuse requests, which hold the words of one checkpoint.

        Raises:
            BackendError: Always.
        """
        raise BackendError("expected queries, got requests: each of several checkpoints has words of its own")

    def run(
        self, items: Iterable[tuple[Scans, Query]], ask: Callable[[Any, Any], Iterator[Outcome]]
    ) -> Iterator[Outcome]:
        """Answer a stretch of items, each by its own model, and give them back in order.

        Args:
            items: Pairs of scans and a query.
            ask: Lets a model answer some of them.
        """
        waiting, ended = iter(items), list[Exception]()
        while stretch := list(_some(waiting, ended)):
            found: dict[int, Outcome] = {}
            parts: dict[Any, list[int]] = {}
            for number, (_, query) in enumerate(stretch):
                try:
                    parts.setdefault(self.of(verb_of(query)), []).append(number)
                except UMITError as error:
                    found[number] = error
            for model, numbers in parts.items():
                found.update(zip(numbers, ask(model, [stretch[number] for number in numbers]), strict=True))
            yield from (found[number] for number in range(len(stretch)))
        if ended:
            raise ended[0]


@dataclass(frozen=True)
class Loading:
    """Loads the weights of a verb; a value, so that what is not loaded yet can be pickled.

    Args:
        load: Such as :meth:`umit.UMIT.from_pretrained`.
        cards: Of weights without one, by verb.
        given: What else it is told, whatever the verb.
    """

    load: Callable[..., Any]
    cards: Mapping[str, Any]
    given: Mapping[str, Any]

    def __call__(self, verb: str, place: str | Path) -> Any:
        """Load them."""
        return self.load(place, card=self.cards.get(verb), **self.given)


def cards_by_verb(named: Mapping[str, Any], card: Any) -> Mapping[str, Any]:
    """Return the cards of several checkpoints.

    Raises:
        InputError: One card for all, or a card of a verb that is not named.
    """
    cards = {} if card is None else card
    if not isinstance(cards, Mapping) or {*cards} - {*named}:
        raise InputError("expected cards by the verbs of their checkpoints, got others", code="card", where="card")
    return cards


def one_card(card: Checkpoint | str | Path | Mapping[str, Any] | None) -> Checkpoint | str | Path | None:
    """Return the card of one checkpoint.

    Raises:
        InputError: Several.
    """
    if isinstance(card, Mapping):
        raise InputError("expected one card for one checkpoint, got several", code="card", where="card")
    return card


def _some(items: Iterator[Any], ended: list[Exception]) -> Iterator[Any]:
    """Yield a stretch of items; what ends them early is kept for after the answers to those that came before."""
    try:
        yield from islice(items, _AHEAD)
    except (UMITError, OSError, RuntimeError) as error:
        ended.append(error)
