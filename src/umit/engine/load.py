"""Weights and tokenizer, from a folder or from the hub.

Only Qwen2-VL's model and tokenizer classes are used, never its processor, which needs torchvision.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from umit.engine.encode import Encoder
from umit.errors import BackendError, CheckpointError, InputError

if TYPE_CHECKING:
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLForConditionalGeneration

__all__ = ["Engine", "load_engine", "quiet"]

_FAMILY: Final = "qwen2_vl"
_SMALL: Final = 100_000_000  # bytes of weights that load before a progress bar can be read
_TOLD: Final = 64  # numbers of a tensor that tell it from another's
_DTYPES: Final = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """Weights in memory and the encoder that goes with them.

    Args:
        model: Qwen2-VL in evaluation mode.
        encoder: Words to the ids that these weights know.
        device: Where the weights are.
        dtype: What they are computed in.
    """

    model: Qwen2VLForConditionalGeneration
    encoder: Encoder
    device: torch.device
    dtype: torch.dtype

    @property
    def fingerprint(self) -> str:
        """Tell these weights from others, by the first numbers of every tensor, as they are computed with."""
        digest = hashlib.sha256(str(self.dtype).encode())
        for name, tensor in self.model.state_dict().items():
            first = tensor.flatten()[:_TOLD].float().cpu()
            digest.update(f"{name} {tuple(tensor.shape)}".encode() + first.numpy().tobytes())
        return digest.hexdigest()


def load_engine(
    source: str | Path,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    revision: str | None = None,
) -> Engine:
    """Load Qwen2-VL weights and their tokenizer.

    Args:
        source: A local folder, or a name on the hub such as ``"dz-osamu/UMIT-B"``.
        device: ``"auto"`` takes CUDA (the process's own device under torchrun), else MPS, else the CPU.
        dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere, whatever the file holds.
        revision: Branch, tag or commit on the hub.

    Returns:
        The engine, in evaluation mode.

    Raises:
        CheckpointError: No such weights, no safetensors, another architecture, or tensors missing.
        InputError: An unknown device or dtype.
        BackendError: The weights do not fit into the device's memory.
    """
    where = _device(device)
    kind = _dtype(dtype, where)
    place = _place(source)
    _hide_broken_torchvision()
    model = _weights(place, kind, revision)
    tokenizer = _tokenizer(place, revision)
    try:
        model = model.to(where).eval()
    except torch.OutOfMemoryError as error:
        raise BackendError(
            f"expected room for the weights on {where}, there is too little; use device='cpu'",
            engine="local",
        ) from error
    return Engine(model, Encoder(tokenizer), where, kind)


def _weights(place: str, dtype: torch.dtype, revision: str | None) -> Any:
    # Typed as Any: transformers' loaders are untyped.
    from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLConfig
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLForConditionalGeneration

    config: Any = Qwen2VLConfig
    with _explained(place):
        written, _ = config.get_config_dict(place, revision=revision)
    if written.get("model_type") != _FAMILY:
        # transformers would fill such a model with random numbers and only warn.
        raise CheckpointError(
            f"expected weights of {_FAMILY} in {Path(place).name!r}, "
            f"got {written.get('model_type')!r}"
        )
    loader: Any = Qwen2VLForConditionalGeneration
    small = _is_small(place)
    with _explained(place), quiet(small):
        model, report = loader.from_pretrained(
            place,
            revision=revision,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",  # the backend passes boolean 4-D masks
            output_loading_info=True,
        )
    if missing := sorted(report["missing_keys"]):
        raise CheckpointError(
            f"expected complete weights in {Path(place).name!r}, "
            f"{len(missing)} tensors are missing, such as {missing[0]}"
        )
    return model


def _tokenizer(place: str, revision: str | None) -> Any:
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    loader: Any = Qwen2Tokenizer
    with _explained(place):
        return loader.from_pretrained(place, revision=revision, trust_remote_code=False)


def _device(name: str | torch.device) -> torch.device:
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        own = os.environ.get("LOCAL_RANK", "")  # set by torchrun and accelerate launch
        if cuda and own.isdecimal() and int(own) < torch.cuda.device_count():
            return torch.device("cuda", int(own))
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise InputError(
            f"expected a device such as 'auto', 'cuda' or 'cpu', got {name!r}", code="device"
        ) from error
    if found.type == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "expected a CUDA device, this torch sees none", code="device", hint="Use device='cpu'"
        )
    return found


def _dtype(name: str | torch.dtype, device: torch.device) -> torch.dtype:
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in _DTYPES:
        raise InputError(f"expected 'auto' or one of {sorted(_DTYPES)}, got {name!r}", code="dtype")
    return _DTYPES[name]


def _place(source: str | Path) -> str:
    """Return a folder, or a name that may be on the hub."""
    folder = Path(source).expanduser()
    if folder.is_dir() and source != "":  # Path("") would be the working folder
        return str(folder)
    if isinstance(source, Path) or not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", source):
        raise CheckpointError(f"expected a folder with weights, found none at {folder.name!r}")
    return source


@contextmanager
def _explained(place: str) -> Iterator[None]:
    """Turn what transformers raises on missing or damaged files into ours; only its calls go within."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        first = str(error).strip().split("\n", 1)[0] or type(error).__name__
        if isinstance(error, SafetensorError):
            first = f"damaged safetensors: {first}."
        wanted = "a name on the hub with config.json, *.safetensors and a tokenizer"
        advice = "Check the name and the network, or pass a local folder"
        if Path(place).is_dir():
            wanted, advice = (
                "config.json, *.safetensors and tokenizer.json",
                "Copy the missing files",
            )
        raise CheckpointError(
            f"expected {wanted} at {Path(place).name!r}, got: {first} {advice}."
        ) from error


def _is_small(place: str) -> bool:
    sizes = [path.stat().st_size for path in Path(place).glob("*.safetensors")]
    return bool(sizes) and sum(sizes) < _SMALL


@contextmanager
def quiet(wanted: bool = True) -> Iterator[None]:
    """Keep transformers' own bar away from loads that are over before it can be read."""
    from transformers.utils import logging

    bars: Any = logging
    if not (wanted and bars.is_progress_bar_enabled()):
        yield
        return
    bars.disable_progress_bar()
    try:
        yield
    finally:
        bars.enable_progress_bar()


def _hide_broken_torchvision() -> None:
    """Hide a torchvision that cannot be imported: to transformers an installed one is a working one."""
    if sys.modules.get("torchvision", ...) is None:
        return
    try:
        import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError, AttributeError):
        sys.modules["torchvision"] = None  # type: ignore[assignment]
        from transformers.utils import import_utils

        checks: Any = import_utils
        for name in ("is_torchvision_available", "is_torchvision_v2_available"):
            forget = getattr(getattr(checks, name, None), "cache_clear", None)
            if forget is not None:
                forget()
