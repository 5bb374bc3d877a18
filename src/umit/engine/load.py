"""Weights and tokenizer, from a folder or from the hub.

Only the families' model and tokenizer classes are used, never their processors, which need torchvision.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import torch

from umit.engine.adapters import ADAPTER, merged, needs_peft
from umit.engine.encode import Encoder
from umit.engine.families import MERGE, TEMPORAL, Family
from umit.engine.files import check_files, down_to_base, explained, family_in, is_small, numbers_in, place_of
from umit.errors import BackendError, CheckpointError, CheckpointWarning, InputError

__all__ = ["Engine", "fingerprint", "load_engine", "load_shell", "quiet"]

_TOLD: Final = 64  # numbers of a tensor that tell it from another's
_MOST: Final = 0.5  # of a model's numbers: a file with less is of another one, and what is missing is told by name
_LAYER: Final = re.compile(r"\.(layers|blocks)\.\d+\.")
_DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True, eq=False)
class Engine:
    """Weights in memory and the encoder that goes with them.

    Args:
        model: One of :data:`umit.engine.families.FAMILIES` in evaluation mode.
        encoder: Words to the ids that these weights know, and how their pictures are cut.
        device: Where the weights are.
        dtype: What they are computed in.
    """

    model: Any
    encoder: Encoder
    device: torch.device
    dtype: torch.dtype

    @property
    def fingerprint(self) -> str:
        """Tell these weights from others, by the first numbers of every tensor, as they are computed with."""
        return fingerprint(self.model, self.dtype)


def fingerprint(module: torch.nn.Module, dtype: torch.dtype | None = None) -> str:
    """Tell weights from others by the first numbers of every tensor, and by what they are computed in."""
    digest = hashlib.sha256(str(dtype or "").encode())
    for name, tensor in module.state_dict().items():
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
    """Load weights of any family, and their tokenizer.

    Args:
        source: A local folder, or a name on the hub such as ``"dz-osamu/UMIT-B"``.
        device: ``"auto"`` takes CUDA (the process's own device under torchrun), else MPS, else the CPU.
        dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere, whatever the file holds.
        revision: Branch, tag or commit on the hub.

    Returns:
        The engine, in evaluation mode.

    Raises:
        CheckpointError: No such weights, no safetensors, another architecture, tensors missing or too many, or a
            hub that does not answer.
        InputError: A device or dtype that this torch does not have.
        BackendError: The weights do not fit into the device's memory.
    """
    where = _device(device)
    kind = _dtype(dtype, where)
    place, name = place_of(source, revision), Path(source).name
    layers = down_to_base(place, name)
    for one in layers:
        check_files(*one)
    if len(layers) > 1:
        needs_peft()  # said before anything is read
    _hide_broken_torchvision()
    family = family_in(*layers[-1])
    model = _weights(family, *layers[-1], kind)
    for (base, base_name), (own, own_name) in pairwise(reversed(layers)):
        with explained(own, own_name):
            model = merged(model, own, own_name, base=base, base_name=base_name)
    tokenizer = _tokenizer(layers)
    try:
        model = model.to(where).eval()
    except torch.OutOfMemoryError as error:
        raise BackendError(
            f"expected room for the weights on {where}, there is too little; use device='cpu'", engine="local"
        ) from error
    return Engine(model, Encoder(tokenizer, family), where, kind)


def load_shell(source: str | Path, *, revision: str | None = None) -> tuple[Any, Encoder]:
    """Load a model's shapes without its weights, and its encoder; of the hub no weights are downloaded.

    Args:
        source: As for :func:`load_engine`.
        revision: Branch, tag or commit on the hub.

    Returns:
        The model on the device ``meta``, and the encoder.

    Raises:
        CheckpointError: Nothing there, another architecture, or a tokenizer without Qwen2-VL's control tokens.
    """
    layers = down_to_base(place_of(source, revision, weights=False), Path(source).name, weights=False)
    place, name = layers[-1]
    family = family_in(place, name)
    return _shell(family, place, name), Encoder(_tokenizer(layers), family)


def _weights(family: Family, place: Path, name: str, dtype: torch.dtype) -> Any:
    # Typed as Any: transformers' loaders are untyped.
    loader: Any = family.model_class()
    shell = _shell(family, place, name)
    small = is_small(place)
    with explained(place, name):
        held = numbers_in(place)
    wanted = sum(one.numel() for one in {id(p): p for p in shell.parameters()}.values())
    if held < wanted * _MOST:  # transformers would fill the rest with random numbers, in whatever memory it takes
        raise CheckpointError(
            f"expected weights of the {wanted:,} numbers that config.json describes in {name!r}, the files hold {held:,}; "
            "take the config.json that came with the weights, or copy the files that are missing"
        )
    with explained(place, name), quiet(small):
        model, report = loader.from_pretrained(
            place,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",  # the backend passes boolean 4-D masks
            output_loading_info=True,
            adapter_kwargs={"subfolder": "-"},  # else one beside is put in where peft is installed, and only there
        )
    left = [key for key in report["unexpected_keys"] if _LAYER.search(key)]
    for keys, wrong in ((report["missing_keys"], "missing"), (left, "of no layer in config.json")):
        if keys:
            raise CheckpointError(
                f"expected complete weights in {name!r}, {len(keys)} tensors are {wrong}, such as {min(keys)}"
            )
    _tell_more(place, name, {*report["unexpected_keys"]})
    return model


def _shell(family: Family, place: Path, name: str) -> Any:
    """Return a model without numbers, by its configuration alone."""
    with explained(place, name):
        config = family.config_class().from_pretrained(place)
    _check_shapes(config, family, name)
    with explained(place, name), torch.device("meta"):
        return family.model_class()(config)


def _check_shapes(config: Any, family: Family, name: str) -> None:
    """Refuse a configuration that umit would feed or ask otherwise than transformers does."""
    tower, words = config.vision_config, config.text_config
    wanted = {
        "patch_size": (tower.patch_size, family.patch),
        "spatial_merge_size": (tower.spatial_merge_size, MERGE),
        "temporal_patch_size": (tower.temporal_patch_size, TEMPORAL),
        "in_channels": (tower.in_channels, 3),
    }
    for key, (came, right) in wanted.items():
        if came != right:
            raise CheckpointError(
                f"expected {key} {right} in the config.json of {name!r}, as {family.title} has it, got {came!r:.80}; "
                "take the config.json that came with the weights"
            )
    sliding = sorted({*(getattr(words, "layer_types", None) or ())} - {"full_attention"})
    if sliding:
        raise CheckpointError(
            f"expected layers that see all that stands before in the config.json of {name!r}, got {', '.join(sliding)}; "
            "no released model has them: set use_sliding_window to false if it came so by mistake"
        )


def _tell_more(place: Path, name: str, unread: set[str]) -> None:
    """Say what a folder holds beyond what answers."""
    said = []
    if (place / ADAPTER).is_file():
        said.append("an adapter, which is not read beside the weights; in a folder of its own it is put into its base")
    if unread:
        said.append(f"{len(unread)} tensors that are not read, such as {min(unread)}")
    for one in said:
        warnings.warn(f"{name} holds {one}", CheckpointWarning, stacklevel=4)


def _tokenizer(layers: Sequence[tuple[Path, str]]) -> Any:
    """Load the tokenizer of the first folder that has one: adapters of other programs may have none."""
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    loader: Any = Qwen2Tokenizer
    files = ("tokenizer.json", "vocab.json")
    place, name = next((one for one in layers if any((one[0] / file).is_file() for file in files)), layers[-1])
    with explained(place, name):
        return loader.from_pretrained(place, trust_remote_code=False)


def _device(name: str | torch.device) -> torch.device:
    if name == "auto":
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
        own = os.environ.get("LOCAL_RANK", "")  # set by torchrun and accelerate launch
        if cuda and own.isdecimal() and int(own) < torch.cuda.device_count():
            return torch.device("cuda", int(own))
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    try:
        found = torch.device(name)
        torch.zeros(1, device=found).item()  # "meta" holds no numbers, others may not be built in
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"expected 'auto', 'cpu' or a device that this torch can use, got {str(name)!r}",
            code="device",
            hint="Use device='cpu'",
        ) from error
    return found


def _dtype(name: str | torch.dtype, device: torch.device) -> torch.dtype:
    if isinstance(name, torch.dtype):
        return name
    if name == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if name not in _DTYPES:
        raise InputError(f"expected 'auto' or one of {sorted(_DTYPES)}, got {name!r}", code="dtype")
    return _DTYPES[name]


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
