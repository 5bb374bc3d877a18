"""The one boundary between umit and whatever runs the weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from umit.chat import Completion, Request
from umit.errors import UMITError

__all__ = ["Backend"]


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
