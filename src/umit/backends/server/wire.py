"""A request as a chat completion's body, and the answer as a completion."""

from __future__ import annotations

import base64
import io
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit import chat
from umit.backends.backend import Shown
from umit.backends.server.strict import number
from umit.chat import Around, Completion, Request, Token, Word
from umit.engine.template import PROBE
from umit.errors import InputError
from umit.patterns import WORDS

__all__ = [
    "LIKELIEST", "Kind", "Pictures", "Scored", "looking", "probe", "question", "read_answer", "read_form", "read_score",
    "read_shown", "scoring",
]  # fmt: skip

#: What a server takes beside OpenAI's own fields.
Kind: TypeAlias = Literal["vllm", "sglang", "openai"]

#: What a tokenizer takes for a control token wherever it stands in a flat text.
_SPELLED: Final = re.compile(r"<\|[^|<>\s]{1,40}\|>")
#: vLLM writes this for minus infinity, which JSON has no word for (entrypoints/openai/chat_completion/protocol.py, 0.32).
_LEAST: Final = -9999.0
_ID: Final = "token_id:"  # before a token's number, where vLLM is asked for numbers
#: First tokens whose log-probabilities are looked at; vLLM tells no more unless it is started so.
LIKELIEST: Final = 20
_OPENED: Final = "assistant\n"


class Scored(NamedTuple):
    """How likely an option is, and how many tokens it has, its end token among them."""

    logprob: float
    tokens: int


class Pictures:
    """PNG data URLs of the frames that were asked about last."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._known: OrderedDict[int, tuple[NDArray[np.uint8], str]] = OrderedDict()
        self._lock = threading.Lock()

    def url(self, frame: NDArray[np.uint8]) -> str:
        """Return a frame as a PNG, not a pixel of which is changed."""
        with self._lock:
            known = self._known.get(id(frame))
            if known is not None:
                self._known.move_to_end(id(frame))
                return known[1]
        stream = io.BytesIO()
        # Quick rather than small: to pack it twice as well takes ten times as long.
        Image.fromarray(np.ascontiguousarray(frame)).save(stream, "PNG", compress_level=1)
        made = "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
        with self._lock:
            self._known[id(frame)] = frame, made  # with the frame, so that its id is not another's
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return made


def question(request: Request, model: str, kind: Kind, pictures: Pictures, *, guided: bool) -> dict[str, Any]:
    """Return the body that asks for free text.

    Args:
        request: What is asked; options are written under its pattern, not scored.
        model: The served model's name.
        kind: What the server takes.
        pictures: Frames to PNG.
        guided: Whether the server is to write what the pattern allows only, where it can.

    Raises:
        InputError: Words that a tokenizer would take for control tokens.
    """
    body = {
        "model": model,
        "messages": _messages(request, pictures),
        "max_tokens": request.max_new_tokens,
        # A checkpoint's own generation_config.json may hold other numbers; the likeliest token is meant.
        "temperature": 0.0,
        "top_p": 1.0,
        "frequency_penalty": 0.0,
    }
    if kind == "openai":
        return body
    body |= {"skip_special_tokens": False, "repetition_penalty": 1.0, "presence_penalty": 0.0, "logprobs": True}
    body["stop"] = [chat.END.text, chat.END_OF_TEXT.text]
    pattern = request.pattern if guided and request.pattern != WORDS else None  # any words need no guide
    if kind == "vllm":
        body |= {"spaces_between_special_tokens": False, "return_prompt_text": True}
        if pattern is not None:
            body["structured_outputs"] = {"regex": pattern}
    elif pattern is not None:
        body["regex"] = pattern
    return body


def scoring(
    request: Request, option: Sequence[Word], model: str, pictures: Pictures, form: Around | None
) -> dict[str, Any]:
    """Return the body that asks vLLM how likely an option with its end token is; one token more is written.

    Args:
        request: What is asked.
        option: One of its options.
        model: The served model's name.
        pictures: Frames to PNG.
        form: What the server's template writes, for a request that leaves the system line to it.

    Raises:
        InputError: Words that a tokenizer would take for control tokens.
    """
    said = _begun(request, form) + _flat(option) + chat.END.text
    return {
        "model": model,
        "messages": [*_messages(request, pictures), {"role": "assistant", "content": said}],
        "max_tokens": 1,
        "temperature": 0.0,
        "add_generation_prompt": False,
        "continue_final_message": True,
        "prompt_logprobs": 0,
        "return_prompt_text": True,
    }


def looking(request: Request, model: str, kind: Kind, pictures: Pictures) -> dict[str, Any]:
    """Return the body that makes a server tell what it read; one token is written.

    Raises:
        InputError: Words that a tokenizer would take for control tokens.
    """
    body = {**question(request, model, kind, pictures, guided=False), "max_tokens": 1}
    if kind == "vllm":
        body |= {"return_token_ids": True, "return_tokens_as_token_ids": True, "top_logprobs": LIKELIEST}
    return body


def read_shown(found: Mapping[str, Any]) -> Shown:
    """Return what a server tells of the prompt that it read.

    Raises:
        ValueError: The answer is not of the form.
    """
    (choice,) = found["choices"]
    told = (choice.get("logprobs") or {}).get("content") or [{}]
    likely = {one["token"]: number(one, "logprob") for one in told[0].get("top_logprobs", ())}
    first = {int(name.removeprefix(_ID)): score for name, score in likely.items() if name.startswith(_ID)}
    ids = found.get("prompt_token_ids")
    count = number(found["usage"], "prompt_tokens")
    return Shown(
        prompt=found.get("prompt_text"), ids=None if ids is None else tuple(map(int, ids)), count=int(count),
        first=first or None,
    )  # fmt: skip


def probe(model: str) -> dict[str, Any]:
    """Return the body that makes vLLM tell what its template writes around a question."""
    messages = [{"role": "user", "content": PROBE}]
    return {"model": model, "messages": messages, "max_tokens": 1, "temperature": 0.0, "return_prompt_text": True}


def read_form(found: Mapping[str, Any]) -> Around:
    """Return what the template writes around a question.

    Raises:
        ValueError: The question is not in what it writes.
    """
    head, said, tail = str(found.get("prompt_text")).partition(PROBE)
    if not said:
        raise ValueError("its template does not write the question as it is")
    return Around(head=chat.template_words(head), tail=chat.template_words(tail))


def _begun(request: Request, form: Around | None) -> str:
    """Return what a template writes into the answer before the model does, such as ``<think>``."""
    written = chat.spell(chat.after_frames(request, form))
    return written[written.rindex(_OPENED) + len(_OPENED) :]


def _messages(request: Request, pictures: Pictures) -> list[dict[str, Any]]:
    lead, words = _flat(request.lead), _flat(request.words)
    shown: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": pictures.url(frame)}} for frame in request.frames
    ]
    said: list[list[dict[str, Any]]] = [[{"type": "text", "text": text}] if text else [] for text in (lead, words)]
    user = {"role": "user", "content": [*said[0], *shown, *said[1]] if shown else lead + words}
    if not request.system:
        return [user]
    return [{"role": "system", "content": _flat((request.system,))}, user]


def _flat(words: Sequence[Word]) -> str:
    """Return one text for a server that tells control tokens by their spelling."""
    for word in words:
        if not isinstance(word, Token) and (found := _SPELLED.search(word)):
            raise InputError(
                f"expected words, got {found[0]!r}, which a server takes for a control token",
                code="control",
                where="words",
                hint="Leave it out, or ask weights in this process, where words stay words.",
            )
    return chat.spell(words)


def read_answer(found: Mapping[str, Any], request: Request, kind: Kind, form: Around | None) -> Completion:
    """Return what a server wrote.

    Args:
        found: Its answer.
        request: What was asked.
        kind: What the server takes.
        form: What its template writes, for a request that leaves the system line to it.

    Raises:
        ValueError: The answer is not of the form, or is one to another prompt.
    """
    if request.system is not None or form is not None:
        _check_prompt(found, chat.spell(chat.prompt(request, form)))
    (choice,) = found["choices"]
    message = choice["message"]
    if message.get("reasoning") or message.get("reasoning_content"):
        raise ValueError("it parts the reasoning from the answer; start it without --reasoning-parser")
    text, reason = message["content"] or "", choice["finish_reason"]
    if not isinstance(text, str) or not isinstance(reason, str):
        raise ValueError("its text or finish_reason is no text")
    told = (choice.get("logprobs") or {}).get("content") if kind != "openai" else None
    return Completion(
        text=text.removesuffix(chat.END.text),
        finish_reason=reason,
        logprob=sum(number(token, "logprob") for token in told) if told else None,
        tokens=len(told) if told else None,
    )


def read_score(found: Mapping[str, Any], request: Request, option: Sequence[Word], form: Around | None) -> Scored:
    """Return the log-probability of an option with its end token, and of how many tokens it is.

    Args:
        found: The server's answer.
        request: What was asked.
        option: The option that it was about.
        form: As for :func:`read_answer`.

    Raises:
        ValueError: The answer is not of the form, or is one to another prompt.
    """
    _check_prompt(found, chat.spell((*chat.prompt(request, form), *option, chat.END)))
    opened = _OPENED + _begun(request, form)
    tokens = [next(iter(one.values())) if one else {} for one in found["prompt_logprobs"]]
    told = [str(token.get("decoded_token", "")) for token in tokens]
    begun = max((k for k, text in enumerate(told) if text == chat.START.text), default=-1) + 1
    header = ""
    while begun < len(told) and header != opened:
        header += told[begun]
        begun += 1
        if not opened.startswith(header):
            raise ValueError(f"its tokens do not part before the answer: {header!r:.40}")
    own = tokens[begun:]
    if not own or told[-1] != chat.END.text:
        raise ValueError("its log-probabilities do not end with the answer's end token")
    scores = [number(token, "logprob") for token in own]
    if min(scores) <= _LEAST:
        raise ValueError("a log-probability is that of nothing")
    return Scored(sum(scores), len(scores))


def _check_prompt(found: Mapping[str, Any], expected: str) -> None:
    """Refuse an answer to another prompt than ours, where the server tells it: a template may add a system line."""
    said = found.get("prompt_text")
    if said is not None and said != expected:
        at = next(
            (k for k, (a, b) in enumerate(zip(said, expected, strict=False)) if a != b), min(map(len, (said, expected)))
        )
        raise ValueError(
            f"its template makes another prompt than the card's: expected {expected[at : at + 40]!r} at character {at}, "
            f"got {said[at : at + 40]!r}; start it by what umit serve prints"
        )
