"""Weights in 4 or 8 bits, by bitsandbytes; other kinds are refused by name before another library is asked for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from umit.errors import CheckpointError, InputError, MissingExtraError

__all__ = ["Bits", "bits_in", "needs_bitsandbytes", "settings_of"]

Bits: TypeAlias = Literal[4, 8]

#: What config.json calls them, and people.
_OTHERS: Final[Mapping[str, str]] = {
    "awq": "AWQ", "gptq": "GPTQ", "fp8": "FP8", "fbgemm_fp8": "FP8", "compressed-tensors": "compressed-tensors",
    "hqq": "HQQ", "torchao": "torchao", "auto-round": "AutoRound", "mxfp4": "MXFP4",
}  # fmt: skip
#: Only linear layers of the language model are quantised: what the vision encoder sees is coordinates' last digit.
_WHOLE: Final = ("lm_head", "model.visual")


def bits_in(written: Mapping[str, Any], name: str) -> Bits | None:
    """Return in how many bits a folder's weights are; ``None`` for whole ones.

    Args:
        written: Its ``config.json``.
        name: Of it, for messages.

    Raises:
        CheckpointError: They are quantised by another method than bitsandbytes.
    """
    found = written.get("quantization_config")
    if found is None:
        return None
    method = found.get("quant_method") if isinstance(found, Mapping) else found
    four, eight = (isinstance(found, Mapping) and bool(found.get(f"load_in_{n}bit")) for n in (4, 8))
    if method == "bitsandbytes" and four != eight:
        return 4 if four else 8
    known = _OTHERS.get(method, None) if isinstance(method, str) else None
    raise CheckpointError(
        f"expected whole weights in {name!r}, or bitsandbytes' of 4 or 8 bits, got those of "
        f"{known or f'quant_method {method!r:.80}'}; load the model that they were made of, here with bits=4 or 8 where it "
        "has to be small, or serve these with a program that reads them and ask it with UMIT.from_server"
    )


def needs_bitsandbytes() -> None:
    """Say what to install where bitsandbytes is missing.

    Raises:
        MissingExtraError: It is.
    """
    try:
        import bitsandbytes  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        raise MissingExtraError(
            'expected bitsandbytes for weights in 4 or 8 bits; pip install "umit[bits]"', engine="local"
        ) from error


def settings_of(bits: int, dtype: Any) -> Any:
    """Return transformers' settings for weights that are made so while they load.

    Args:
        bits: 4 (NF4) or 8.
        dtype: What products run in.

    Raises:
        InputError: Another number of bits.
        MissingExtraError: bitsandbytes is missing.
    """
    if bits not in (4, 8):
        raise InputError(f"expected 4 or 8 bits, got {bits!r}", code="bits")
    needs_bitsandbytes()
    from transformers import BitsAndBytesConfig

    configure: Any = BitsAndBytesConfig
    if bits == 8:
        return configure(load_in_8bit=True, llm_int8_skip_modules=[*_WHOLE])
    return configure(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, llm_int8_skip_modules=[*_WHOLE]
    )
