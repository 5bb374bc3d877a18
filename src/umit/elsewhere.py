"""Ways to weights that transformers does not run in this process: a server, and vLLM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from umit.embedded import EMBEDDED

if TYPE_CHECKING:
    from umit.backends.backend import Backend
    from umit.backends.server.wire import Kind
    from umit.checkpoints import Checkpoint

__all__ = ["Elsewhere"]


class Elsewhere:
    """One checkpoint behind one engine, wherever that runs.

    Args:
        backend: Answers requests.
        checkpoint: The card of the weights behind it.
        fingerprint: Tells these weights from others; ``""`` if it is not known.
        constrained: Whether written answers keep to their form.
    """

    def __init__(
        self, backend: Backend, checkpoint: Checkpoint, *, fingerprint: str = "", constrained: bool = True
    ) -> None:
        self.backend = backend
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.constrained = constrained

    @classmethod
    def from_server(
        cls,
        url: str,
        model: str | Path = EMBEDDED,
        *,
        card: Checkpoint | str | Path | None = None,
        api_key: str | None = None,
        kind: Kind | None = None,
        concurrency: int = 16,
        timeout: float = 120.0,
        constrained: bool = True,
        plaintext: bool = False,
    ) -> Self:
        """Ask weights behind an OpenAI-compatible server, such as what ``umit serve`` starts.

        Args:
            url: Where it is, such as ``"https://gpu.hospital.example:8000"``.
            model: The name under which it serves the weights; or their folder, whose card's name is taken.
            card: For weights without a card of their own: a known name, a ``.json`` file or a card.
            api_key: The server's key; ``None`` takes the variable ``UMIT_SERVER_KEY``, if there is one.
            kind: ``"vllm"``, ``"sglang"``, or ``"openai"`` for others; ``None`` asks the server.
            concurrency: Calls at the same time.
            timeout: Seconds that it may be silent; a question has five times as many, all tries together.
            constrained: Whether written answers keep to their form, where the server can see to it.
            plaintext: Whether pictures may be sent over ``http`` to another machine.

        Raises:
            CheckpointError: No card for this name.
            InputError: A URL that is none, or ``http`` to another machine.

        Example:
            >>> from umit import UMIT
            >>> UMIT.from_server("http://localhost:8000", "dz-osamu/UMIT-B")
            UMIT('dz-osamu/UMIT-B')
        """
        from umit.checkpoints import locate
        from umit.checkpoints.own import as_served
        from umit.checkpoints.places import say_terms

        place, found = locate(model, card)
        found = say_terms(as_served(found, place))
        from umit.backends.server.backend import ServerBackend
        from umit.backends.server.line import Patience

        name = found.name if isinstance(place, Path) else str(model)
        key = os.environ.get("UMIT_SERVER_KEY", "") if api_key is None else api_key
        backend = ServerBackend(
            url, name, api_key=key, kind=kind, concurrency=concurrency, guided=constrained,
            plaintext=plaintext, patience=Patience(read=timeout, whole=5 * timeout),
        )  # fmt: skip
        return cls(backend, found, fingerprint=f"served as {name}", constrained=constrained)

    @classmethod
    def from_vllm(
        cls,
        folder: str | Path,
        *,
        card: Checkpoint | str | Path | None = None,
        tensor_parallel_size: int = 1,
        dtype: str = "auto",
        max_model_len: int | None = None,
        gpu_memory_utilization: float = 0.9,
        enforce_eager: bool = False,
        constrained: bool = True,
    ) -> Self:
        """Load weights into vLLM in this process; needs ``umit[vllm]``.

        Args:
            folder: Weights with processor files; or the embedded ``"umit-phantom"``.
            card: For weights without a card of their own: a known name, a ``.json`` file or a card.
            tensor_parallel_size: Devices that share each layer.
            dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere.
            max_model_len: Tokens of a prompt and its answer; ``None`` takes what the weights were made for.
            gpu_memory_utilization: Share of a device's memory that vLLM takes.
            enforce_eager: Whether to do without compiled graphs, which take minutes to build.
            constrained: As for :class:`umit.UMIT`.

        Raises:
            BackendError: vLLM does not load them.
            CheckpointError: Weights or card are missing or do not fit.
            InputError: A number of devices below 1.
            MissingExtraError: vLLM is not installed.
        """
        from umit.backends.vllm import VLLMBackend
        from umit.checkpoints import locate
        from umit.checkpoints.own import as_served
        from umit.checkpoints.places import say_terms

        place, found = locate(folder, card)
        found = say_terms(as_served(found, place))
        backend = VLLMBackend(
            place, tensor_parallel_size=tensor_parallel_size, dtype=dtype, max_model_len=max_model_len,
            gpu_memory_utilization=gpu_memory_utilization, enforce_eager=enforce_eager, guided=constrained,
        )  # fmt: skip
        return cls(backend, found, fingerprint=f"vllm {backend.fingerprint}", constrained=constrained)
