"""The one boundary between umit and whatever runs the weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from umit.chat import Completion, Request
from umit.errors import UMITError

__all__ = ["Backend", "Shown"]


class Backend(Protocol):
    """Anything that answers requests.

    An engine that can score fills ``option_logprobs`` of requests with options and sets ``text`` to
    the best one; an engine that cannot writes under ``Request.pattern``.
    """

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
        """Answer requests lazily, one completion a request, in their order.

        Args:
            requests: Pulled a bounded number ahead of the completions.

        Yields:
            A completion; or why this one request has none, where that is no reason to leave the others.

        Raises:
            BackendError: The engine failed; requests pulled and not yet answered are lost.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What an engine tells of a prompt that it read; ``None`` where it keeps something to itself.

    Args:
        prompt: Its text, one placeholder a picture.
        ids: Its token ids.
        count: How many there are.
        first: Log-probabilities of the likeliest first tokens of the answer, by id.
    """

    prompt: str | None = None
    ids: tuple[int, ...] | None = None
    count: int | None = None
    first: Mapping[int, float] | None = None
