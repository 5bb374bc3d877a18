"""Requests answered by an OpenAI-compatible server, several at a time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from umit import chat
from umit.backends.backend import Shown
from umit.backends.server import wire
from umit.backends.server.ahead import Threads
from umit.backends.server.line import Line, Patience
from umit.backends.server.wire import Kind, Pictures, Scored
from umit.chat import Around, Completion, Request
from umit.errors import BackendError, InputError, ServerError, UMITError

__all__ = ["ServerBackend"]

T = TypeVar("T")


class ServerBackend:
    """Answers requests with weights behind a server.

    Every picture goes as a PNG at its final size, and nothing is fetched for it. On vLLM, whole options are scored
    with their end token, one call an option; SGLang writes one of them under the pattern; other servers write freely,
    and may leave out the control tokens of their answers.

    Args:
        url: Where the server is, with ``/v1`` or without.
        model: The name under which it serves the weights.
        api_key: Its key; never shown, kept or sent to another address.
        kind: What it takes beside OpenAI's own fields; ``None`` asks it.
        concurrency: Calls at the same time.
        guided: Whether it writes only what a request's pattern allows, where it can.
        plaintext: Whether ``http`` may be spoken to another machine.
        patience: How long it is waited for.

    Raises:
        InputError: A URL that is none or not safe, or a number of calls below 1.

    Example:
        >>> ServerBackend("http://localhost:8000", "umit-phantom", api_key="secret")
        ServerBackend('localhost:8000', 'umit-phantom')
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        api_key: str = "",
        kind: Kind | None = None,
        concurrency: int = 16,
        guided: bool = True,
        plaintext: bool = False,
        patience: Patience | None = None,
    ) -> None:
        if concurrency < 1:
            raise InputError(f"expected a concurrency of 1 or more, got {concurrency}", code="concurrency")
        self.model = model
        self._line = Line(
            url, api_key=api_key, plaintext=plaintext, patience=patience or Patience(), connections=concurrency
        )
        self._kind = kind
        self._form: Around | None = None
        self._asking = threading.Lock()
        self._concurrency = concurrency
        self._guided = guided
        self._pictures = Pictures()

    def __repr__(self) -> str:
        return f"ServerBackend({self._line.host!r}, {self.model!r})"

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
        """Answer requests lazily and in order, at most twice ``concurrency`` of them ahead.

        Yields:
            A completion, or why this one request has none; the others are asked all the same.
        """
        waiting = iter(requests)
        ahead: deque[_Asked] = deque()
        with Threads(self._concurrency) as threads:
            while True:
                for request in islice(waiting, 2 * self._concurrency - len(ahead)):
                    ahead.append(_Asked(request, [threads.begin(job) for job in self._jobs(request)]))
                if not ahead:
                    return
                yield ahead.popleft().completion()

    def _jobs(self, request: Request) -> list[Callable[[], Any]]:
        """Return the calls that a request takes: one, or one for each option where they are scored."""
        return [partial(self._part, request, number) for number in range(max(1, len(request.options)))]

    def _part(self, request: Request, number: int) -> Completion | Scored | None:
        """Return an answer, or the score of one option; ``None`` for options after the first where none is scored."""
        kind = self.kind()
        form = self._form_of(request, kind)
        if request.options and kind == "vllm":
            option = request.options[number]
            body = wire.scoring(request, option, self.model, self._pictures, form)
            return self._read(body, lambda found: wire.read_score(found, request, option, form))
        if number:
            return None
        body = wire.question(request, self.model, kind, self._pictures, guided=self._guided)
        return self._read(body, lambda found: wire.read_answer(found, request, kind, form))

    def _read(self, body: dict[str, Any], read: Callable[[Any], T]) -> T:
        found = self._line.post("/v1/chat/completions", body)
        try:
            return read(found)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, StopIteration) as error:
            told = str(error) if isinstance(error, ValueError) else f"{type(error).__name__} in its answer"
            raise ServerError(f"expected a chat completion as OpenAI has it, {told}", engine=self._line.host) from error

    def shown(self, request: Request) -> Shown:
        """Return what the server tells of a prompt, as far as it can.

        Raises:
            InputError: Words that a server would take for control tokens.
            ServerError: It does not answer.
        """
        return self._read(wire.looking(request, self.model, self.kind(), self._pictures), wire.read_shown)

    def kind(self) -> Kind:
        """Return what the server takes, asked once.

        Raises:
            ServerError: It does not answer, or serves other weights.
        """
        with self._asking:
            if self._kind is None:
                self._kind = self._asked_kind()
            return self._kind

    def _form_of(self, request: Request, kind: Kind) -> Around | None:
        """Return what the server's template writes around a request that leaves the system line to it, asked once."""
        if request.system is not None or kind != "vllm":
            return None
        with self._asking:
            if self._form is None:
                self._form = self._read(wire.probe(self.model), wire.read_form)
            return self._form

    def _asked_kind(self) -> Kind:
        found = self._line.get("/v1/models")
        listed = found.get("data") if isinstance(found, dict) else None
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise ServerError("expected a list of models at /v1/models, got another answer", engine=self._line.host)
        owners = {str(one.get("owned_by")) for one in listed}
        kind: Kind = "vllm" if "vllm" in owners else "sglang" if "sglang" in owners else "openai"
        names = [str(one.get("id")) for one in listed]
        # transformers serve lists what its cache holds, and serves any folder by its path.
        if kind != "openai" and self.model not in names:
            raise ServerError(
                f"expected it to serve {self.model!r}, it serves {', '.join(map(repr, names[:9]))}; "
                "give the served name as model= or --checkpoint",
                engine=self._line.host,
            )
        return kind


class _Asked:
    """A request and the calls it takes."""

    def __init__(self, request: Request, calls: Sequence[Future[Any]]) -> None:
        self._request, self._calls = request, calls

    def completion(self) -> Completion | UMITError:
        """Wait for the calls and return what they come to."""
        try:
            found = [call.result() for call in self._calls]
        except (BackendError, InputError) as error:
            return error
        if isinstance(found[0], Completion):
            return found[0]
        scores = [one.logprob for one in found]
        best = max(range(len(scores)), key=scores.__getitem__)
        text = chat.spell(self._request.options[best])
        return Completion(
            text=text, logprob=scores[best], option_logprobs=tuple(scores), tokens=found[best].tokens
        )  # fmt: skip
