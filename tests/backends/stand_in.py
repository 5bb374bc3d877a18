"""A local server that speaks vLLM's form of OpenAI's interface, around any backend, and misbehaves when it is told to.

It is the scripted server of the contract; with weights of this process behind it, what it says is what they say.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections import deque
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image

from umit import chat
from umit.backends.backend import Backend
from umit.chat import Completion, Request
from umit.engine.load import Engine
from umit.errors import UMITError
from umit.verification import look

#: What takes the place of the next answer.
Act = Callable[["Handler"], None]


class StandIn:
    """A server on a free port of this machine, for as long as the block lasts.

    Args:
        backend: What answers.
        model: The served name.
        owner: Who ``/v1/models`` says it is: ``"vllm"``, ``"sglang"`` or another.
        key: The key that it asks for; ``""`` for none.
        system: What its template adds where no system line is sent.
        engine: The weights behind the backend, if it is to tell what it read.
        tamper: What it makes of a request.
        retell: What it makes of an answer.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        model: str = "umit-phantom",
        owner: str = "vllm",
        key: str = "",
        system: str = "",
        engine: Engine | None = None,
        tamper: Callable[[Request], Request] = lambda request: request,
        retell: Callable[[dict[str, Any]], None] = lambda told: None,
    ) -> None:
        self.backend, self.model, self.owner, self.key, self.system = backend, model, owner, key, system
        self.engine, self.tamper, self.retell = engine, tamper, retell
        #: Bodies that came, in their order.
        self.bodies: list[dict[str, Any]] = []
        #: The authorizations that came, also those refused.
        self.keys: list[str] = []
        self.acts: deque[Act] = deque()
        self.at_once = self.most_at_once = 0
        self._lock, self._weights = threading.Lock(), threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"stand_in": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the chat completion of a body."""
        with self._lock:
            self.bodies.append(body)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            scored = body["messages"][-1] if body.get("continue_final_message") else None
            request = self.tamper(self._request(body, scored))
            with self._weights:  # a model in this process is no server: one question at a time
                (found,) = self.backend.generate([request])
        finally:
            with self._lock:
                self.at_once -= 1
        if isinstance(found, UMITError):
            raise found
        told = self._completion(found)
        system = request.system or self.system
        head = (*chat.before_frames(_with_system(request, system)), *chat.frame_words(request))
        told["prompt_text"] = chat.spell((*head, *chat.after_frames(request)))
        if scored is not None:
            told["prompt_text"] += scored["content"]
            told["prompt_logprobs"] = _logprobs(scored["content"], found)
        if self.engine is not None:
            self._tell(self.engine, request, told, whole=bool(body.get("return_token_ids")))
        self.retell(told)
        return told

    def _tell(self, engine: Engine, request: Request, told: dict[str, Any], *, whole: bool) -> None:
        """Tell what was read as vLLM does."""
        told["usage"]["prompt_tokens"] = len(engine.encoder.prompt(request))
        if not whole:
            return
        with self._weights:
            seen = look._read(engine, request)
        assert seen.ids is not None and seen.first is not None
        told["prompt_token_ids"] = list(seen.ids)
        likely = [{"token": f"token_id:{token}", "logprob": score} for token, score in seen.first.items()]
        told["choices"][0]["logprobs"] = {"content": [{**likely[0], "top_logprobs": likely}]}

    def _request(self, body: dict[str, Any], scored: dict[str, Any] | None) -> Request:
        messages = [m for m in body["messages"] if m is not scored]
        system = "".join(m["content"] for m in messages if m["role"] == "system") or self.system
        (user,) = (m["content"] for m in messages if m["role"] == "user")
        parts = [{"type": "text", "text": user}] if isinstance(user, str) else user
        frames = tuple(_frame(part["image_url"]["url"]) for part in parts if part["type"] == "image_url")
        at = next((k for k, part in enumerate(parts) if part["type"] == "image_url"), 0)
        lead, words = (
            chat.answer_words("".join(part["text"] for part in some if part["type"] == "text"))
            for some in (parts[:at], parts[at:])
        )
        option = chat.answer_words(scored["content"].removesuffix(chat.END.text)) if scored else ()
        return Request(
            frames=frames, lead=lead, words=words, options=(option,) if scored else (),
            max_new_tokens=body["max_tokens"], system=system,
        )  # fmt: skip

    def _completion(self, found: Completion) -> dict[str, Any]:
        told = [{"token": "", "logprob": found.logprob}, *[{"token": "", "logprob": 0.0}] * ((found.tokens or 1) - 1)]
        scores = {"content": told} if found.logprob is not None else None
        message = {"role": "assistant", "content": found.text}
        choice = {"index": 0, "message": message, "finish_reason": found.finish_reason, "logprobs": scores}
        return {"object": "chat.completion", "model": self.model, "choices": [choice], "usage": {"prompt_tokens": 1}}


def _with_system(request: Request, system: str) -> Request:
    return Request(frames=request.frames, lead=request.lead, words=request.words, system=system)


def _frame(url: str) -> Any:
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)), formats=("PNG",))
    return np.asarray(picture.convert("RGB"))


def _logprobs(content: str, found: Completion) -> list[Any]:
    """Return a prompt's tokens as vLLM tells them, the whole score on the last."""
    assert found.option_logprobs is not None
    said = [*content.removesuffix(chat.END.text)]
    texts = ["system", chat.START.text, "assis", "tant", "\n", *said, chat.END.text]
    scores = [*[0.0] * (len(texts) - 1), found.option_logprobs[0]]
    entries = [{str(k): {"logprob": s, "decoded_token": t}} for k, (t, s) in enumerate(zip(texts, scores, strict=True))]
    return [None, *entries]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    stand_in: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """List the model."""
        if self._let_in():
            one = {"id": self.stand_in.model, "object": "model", "owned_by": self.stand_in.owner}
            self.send_json({"object": "list", "data": [one]})

    def do_POST(self) -> None:
        """Answer, or do what was told."""
        content = self.rfile.read(int(self.headers["content-length"]))
        if not self._let_in():
            return
        if self.stand_in.acts:
            self.stand_in.acts.popleft()(self)
            return
        try:
            told = self.stand_in.answer(json.loads(content))
        except UMITError as error:
            self.send_json({"error": {"message": str(error)}}, status=400)
        else:
            self.send_json(told)

    def _let_in(self) -> bool:
        self.stand_in.keys.append(self.headers.get("authorization", ""))
        if not self.stand_in.key or self.headers.get("authorization") == f"Bearer {self.stand_in.key}":
            return True
        self.send_json({"error": {"message": f"wrong key: {self.headers.get('authorization')}"}}, status=401)
        return False

    def send_json(self, value: Any, *, status: int = 200) -> None:
        """Send a value."""
        self.send(json.dumps(value).encode(), status=status)

    def send(self, content: bytes, *, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        """Send bytes."""
        self.send_response(status)
        told = {"Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in {**told, **{k.replace("_", "-"): v for k, v in headers.items()}}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
