"""Weights and tokenizer, from a folder or from the hub.

Only the families' model and tokenizer classes are used, never their processors, which need torchvision.
"""

from __future__ import annotations

import hashlib
import re
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import torch

from umit.engine.adapters import ADAPTER, merged, needs_peft
from umit.engine.devices import device_of, dtype_of
from umit.engine.encode import Encoder
from umit.engine.families import Family
from umit.engine.files import check_files, down_to_base, explained, family_in, is_small, place_of
from umit.engine.fits import check_config, check_tensors, check_words
from umit.engine.quantised import needs_bitsandbytes, settings_of
from umit.engine.spread import DeviceMap, first_of, spread
from umit.errors import BackendError, CheckpointError, CheckpointWarning, InputError

__all__ = ["Engine", "fingerprint", "load_engine", "load_shell", "quiet"]

_TOLD: Final = 64  # numbers of a tensor that tell it from another's
_LAYER: Final = re.compile(r"\.(layers|blocks)\.\d+\.")


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
    state = module.state_dict()
    if any(tensor.device.type == "meta" for tensor in state.values()):  # on disk, or in memory that is not computed in
        from accelerate.utils.modeling import get_state_dict_offloaded_model

        whole = get_state_dict_offloaded_model(module)
        state = {name: whole[name] for name in state}
    for name, tensor in state.items():
        first = tensor.flatten()[:_TOLD].float().cpu()
        digest.update(f"{name} {tuple(tensor.shape)}".encode() + first.numpy().tobytes())
    return digest.hexdigest()


def load_engine(
    source: str | Path,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    revision: str | None = None,
    device_map: DeviceMap | None = None,
    bits: int | None = None,
) -> Engine:
    """Load weights of any family, and their tokenizer.

    Args:
        source: A local folder, or a name on the hub such as ``"dz-osamu/UMIT-B"``.
        device: ``"auto"`` takes CUDA (the process's own device under torchrun), else MPS, else the CPU.
        dtype: ``"auto"`` takes bfloat16 on CUDA and float32 elsewhere, whatever the file holds.
        revision: Branch, tag or commit on the hub.
        device_map: Instead of one device: how accelerate shares out the layers, ``"auto"`` or a map of one's own.
        bits: 4 or 8 to quantise the language model with bitsandbytes; folders that are quantised so need none.

    Returns:
        The engine, in evaluation mode.

    Raises:
        CheckpointError: No such weights, no safetensors, another architecture, parts that do not fit together, or a
            hub that does not answer.
        InputError: A device or dtype that this torch does not have, or settings that exclude each other.
        MissingExtraError: bitsandbytes or peft is missing.
        BackendError: The weights do not fit into the device's memory.
    """
    where = device_of(device)
    kind = dtype_of(dtype, where)
    place, name = place_of(source, revision), Path(source).name
    layers = down_to_base(place, name)
    for one in layers:
        check_files(*one)
    if len(layers) > 1:
        needs_peft()  # said before anything is read
    _hide_broken_torchvision()
    encoder, how = _looked_at(layers, where, kind, device_map, bits)
    try:
        model = _weights(encoder.family, *layers[-1], kind, how)
        for (base, below), (own, own_name) in pairwise(reversed(layers)):
            with explained(own, own_name):
                model = merged(model, own, own_name, base=base, base_name=below)
        if len(layers) > 1:  # after it: another base than it was taught on is said first
            check_words(model.config, encoder, name)
        model = (model if how else model.to(where)).eval()
    except torch.OutOfMemoryError as error:
        raise BackendError(
            f"expected room for the weights on {where}, there is too little; use device='cpu', device_map='auto' or bits=4",
            engine="local",
        ) from error
    return Engine(model, encoder, first_of(how["device_map"]) if how else where, kind)


def _looked_at(
    layers: Sequence[tuple[Path, str]],
    where: torch.device,
    dtype: torch.dtype,
    device_map: DeviceMap | None,
    bits: int | None,
) -> tuple[Encoder, dict[str, Any]]:
    """Return the encoder, and what transformers is told of weights, once all parts are seen to fit together."""
    base, name = layers[-1]
    family, written = family_in(base, name)
    shell = _shell(family, base, name)
    encoder = Encoder(_tokenizer(layers), family)
    if written is None:
        check_tensors(shell, base, name)
    if len(layers) == 1:
        check_words(shell.config, encoder, name)
    how = _how(shell, where, dtype, device_map, bits, written)
    if how and len(layers) > 1:
        raise InputError(
            "expected an adapter on whole weights of one device, got device_map or bits", code="adapter",
            hint="Merge it first: umit train --merge, or load it and save_pretrained the model",
        )  # fmt: skip
    return encoder, how


def _how(
    shell: Any,
    where: torch.device,
    dtype: torch.dtype,
    device_map: DeviceMap | None,
    bits: int | None,
    written: int | None,
) -> dict[str, Any]:
    """Return what transformers is told beyond one device and whole weights; nothing for those."""
    if bits is not None and written is not None:
        raise InputError(
            f"expected whole weights to quantise, these are in {written} bits", code="bits", hint="Leave bits out"
        )
    how: dict[str, Any] = {}
    if device_map is not None:
        how["device_map"] = spread(shell, device_map, dtype)
    if bits is not None:
        how["quantization_config"] = settings_of(bits, dtype)
    if written is not None:
        needs_bitsandbytes()
    if (bits is not None or written is not None) and device_map is None:
        how["device_map"] = {"": where}  # what is quantised cannot be moved
    return how


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
    family, _ = family_in(place, name)
    return _shell(family, place, name), Encoder(_tokenizer(layers), family)


def _weights(family: Family, place: Path, name: str, dtype: torch.dtype, how: Mapping[str, Any]) -> Any:
    # Typed as Any: transformers' loaders are untyped.
    loader: Any = family.model_class()
    small = is_small(place)
    with explained(place, name), quiet(small):
        model, report = loader.from_pretrained(
            place,
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="sdpa",  # the backend passes boolean 4-D masks
            output_loading_info=True,
            adapter_kwargs={"subfolder": "-"},  # else one beside is put in where peft is installed, and only there
            **how,
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
    check_config(config, family, name)
    with explained(place, name), torch.device("meta"):
        return family.model_class()(config)


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
