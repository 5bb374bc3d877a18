"""Requests answered by vLLM in this process, with token ids of our own: no template, no second resize."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from umit import chat
from umit.backends.backend import Shown
from umit.chat import Completion, Request
from umit.engine.files import place_of
from umit.engine.load import load_shell
from umit.errors import BackendError, InputError, MissingExtraError

__all__ = ["VLLMBackend"]

_BATCH: Final = 64  # requests handed over together; vLLM itself decides how many run at once
_LIKELIEST: Final = 20  # vLLM tells no more of a token's rivals unless it is started so
_END: Final = 2**20  # bytes of a file's beginning and end that tell it from another's


class VLLMBackend:
    """Answers requests with vLLM's engine in this process, on one or several devices.

    Args:
        folder: Weights with processor files, as umit writes them and as the hub has them.
        tensor_parallel_size: Devices that share each layer.
        dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere.
        most_frames: Pictures that one request may show.
        max_model_len: Tokens of a prompt and its answer; ``None`` takes what the weights were made for.
        gpu_memory_utilization: Share of a device's memory that vLLM takes.
        enforce_eager: Whether to do without compiled graphs, which take minutes to build.
        guided: Whether to write only what a request's pattern allows.

    Raises:
        MissingExtraError: vLLM is not installed.
        CheckpointError: The folder holds no weights that umit knows.
        BackendError: vLLM does not load them.
        InputError: A number of devices or pictures below 1.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        tensor_parallel_size: int = 1,
        dtype: str = "auto",
        most_frames: int = 32,
        max_model_len: int | None = None,
        gpu_memory_utilization: float = 0.9,
        enforce_eager: bool = False,
        guided: bool = True,
    ) -> None:
        for name, value in (("tensor_parallel_size", tensor_parallel_size), ("most_frames", most_frames)):
            if value < 1:
                raise InputError(f"expected 1 or more, got {value}", code="vllm", where=name)
        try:
            import vllm
        except ImportError as error:
            raise MissingExtraError(
                "expected the package vllm to answer with it, it is not installed; pip install 'umit[vllm]'",
                engine="vllm",
            ) from error
        place = place_of(folder, None)
        _, self._encoder = load_shell(place)
        self.fingerprint = _fingerprint(place, dtype)
        self._vllm: Any = vllm
        self._guided = guided
        kind = ("bfloat16" if torch.cuda.is_available() else "float32") if dtype == "auto" else dtype
        try:
            self._llm: Any = vllm.LLM(
                model=str(place),
                dtype=kind,
                tensor_parallel_size=tensor_parallel_size,
                limit_mm_per_prompt={"image": most_frames},
                max_model_len=max_model_len,
                gpu_memory_utilization=gpu_memory_utilization,
                enforce_eager=enforce_eager,
                trust_remote_code=False,
                generation_config="vllm",  # not the folder's: its penalties and temperature would change answers
            )
        except (RuntimeError, ValueError, OSError, ImportError) as error:
            raise BackendError(f"expected vLLM to load {place.name!r}: {error}", engine="vllm") from error

    def __repr__(self) -> str:
        return "VLLMBackend()"

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests lazily and in order, 64 of them at a time.

        Raises:
            BackendError: vLLM failed, or saw another prompt than ours.
        """
        waiting = iter(requests)
        while group := list(islice(waiting, _BATCH)):
            yield from self._together(group)

    def shown(self, request: Request) -> Shown:
        """Return what vLLM read, and how likely it holds the first tokens of an answer.

        Raises:
            BackendError: vLLM failed.
        """
        words, seen = self._prompt(request)
        settings = self._vllm.SamplingParams(temperature=0.0, max_tokens=1, logprobs=_LIKELIEST, detokenize=False)
        (output,) = self._run([_Asked({"prompt_token_ids": words, **seen}, settings)])
        (told,) = output.outputs[0].logprobs
        ids = tuple(output.prompt_token_ids)
        return Shown(ids=ids, count=len(ids), first={int(t): float(one.logprob) for t, one in told.items()})

    def _prompt(self, request: Request) -> tuple[list[int], dict[str, Any]]:
        """Return ids, one a picture, which vLLM repeats to the picture's length; and the pictures."""
        words = self._encoder.ids(chat.prompt(request, self._encoder.form(request)))
        shown = [Image.fromarray(np.ascontiguousarray(frame)) for frame in request.frames]
        return words, {"multi_modal_data": {"image": shown}} if shown else {}

    def _together(self, group: Sequence[Request]) -> list[Completion]:
        asked = [part for request in group for part in self._parts(request)]
        outputs = iter(self._run(asked))
        return [self._completion(request, list(islice(outputs, max(1, len(request.options))))) for request in group]

    def _run(self, asked: Sequence[_Asked]) -> Sequence[Any]:
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            found: Sequence[Any] = self._llm.generate(
                [one.prompt for one in asked], [one.settings for one in asked], use_tqdm=False
            )
        except (EngineDeadError, EngineGenerateError) as error:  # whose parent is Exception itself
            raise BackendError(f"expected an answer, vLLM's engine failed: {error}", engine="vllm") from error
        return found

    def _parts(self, request: Request) -> Iterator[_Asked]:
        """Yield what vLLM gets: the question, or the question with each option behind it."""
        words, seen = self._prompt(request)
        settings = self._vllm.SamplingParams
        if not request.options:
            guide = self._guide(request.pattern)
            stops = [self._encoder.end, self._encoder.padding]
            free = settings(
                temperature=0.0, max_tokens=request.max_new_tokens, logprobs=0, stop_token_ids=stops,
                structured_outputs=guide, detokenize=False,
            )  # fmt: skip
            yield _Asked({"prompt_token_ids": words, **seen}, free)
        scored = settings(temperature=0.0, max_tokens=1, prompt_logprobs=0, detokenize=False)
        for option in request.options:
            yield _Asked({"prompt_token_ids": [*words, *self._encoder.answer(option)], **seen}, scored)

    def _guide(self, pattern: str | None) -> Any:
        if pattern is None or not self._guided:
            return None
        from vllm.sampling_params import StructuredOutputsParams

        return StructuredOutputsParams(regex=pattern)

    def _completion(self, request: Request, outputs: Sequence[Any]) -> Completion:
        prompt = self._encoder.prompt(request)
        if request.options:
            scores = [
                _score(output, prompt, self._encoder.answer(option))
                for output, option in zip(outputs, request.options, strict=True)
            ]
            best = max(range(len(scores)), key=scores.__getitem__)
            text = chat.spell(request.options[best])
            tokens = len(self._encoder.answer(request.options[best]))
            return Completion(text=text, logprob=scores[best], option_logprobs=tuple(scores), tokens=tokens)
        (output,) = outputs
        _check(output, prompt)
        (said,) = output.outputs
        ids = list(said.token_ids)
        while ids and ids[-1] in (self._encoder.end, self._encoder.padding):
            ids.pop()
        score = float(said.cumulative_logprob)
        if not math.isfinite(score):
            raise BackendError(f"expected a log-probability, got {score}; use dtype='float32'", engine="vllm")
        return Completion(
            text=self._encoder.text(ids), finish_reason=str(said.finish_reason), logprob=score, tokens=len(said.token_ids)
        )  # fmt: skip


def _fingerprint(place: Path, dtype: str) -> str:
    """Tell weights from others by the ends of their files: vLLM keeps the numbers to itself."""
    digest = hashlib.sha256(dtype.encode())
    for path in sorted(place.glob("*.safetensors")):
        size = path.stat().st_size
        with path.open("rb") as file:
            digest.update(f"{path.name} {size}".encode() + file.read(_END))
            file.seek(max(0, size - _END))
            digest.update(file.read(_END))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    prompt: dict[str, Any]
    settings: Any


def _check(output: Any, prompt: Sequence[int]) -> None:
    """Refuse an answer to another prompt: a picture that was resized again has another number of tokens."""
    if list(output.prompt_token_ids) != list(prompt):
        raise BackendError(
            f"expected a prompt of {len(prompt)} tokens, vLLM read one of {len(output.prompt_token_ids)}; "
            "the picture sizes in the folder's processor files are not the card's",
            engine="vllm",
        )


def _score(output: Any, prompt: Sequence[int], answer: Sequence[int]) -> float:
    """Return the log-probability of an answer behind a prompt."""
    _check(output, [*prompt, *answer])
    told = output.prompt_logprobs[-len(answer) :]
    total = sum(float(one[token].logprob) for one, token in zip(told, answer, strict=True))
    if not math.isfinite(total):
        raise BackendError(f"expected a log-probability, got {total}; use dtype='float32'", engine="vllm")
    return total
