"""The packaged configurations are those of ``accelerate launch``, and say what umit needs of them."""

from __future__ import annotations

import pytest

from umit.errors import InputError
from umit.training.engines import NAMES, path_of


@pytest.mark.parametrize("name", NAMES)
def test_accelerate_reads_them(name: str) -> None:
    """Its loader refuses an unknown key."""
    from accelerate.commands.config.config_args import load_config_from_file

    found = load_config_from_file(str(path_of(name)))
    assert (found.distributed_type, found.mixed_precision) == ("FSDP" if name == "fsdp2" else "DEEPSPEED", "bf16")
    if name == "fsdp2":
        assert found.fsdp_config["fsdp_transformer_layer_cls_to_wrap"] == "Qwen2VLDecoderLayer"
    else:
        assert found.deepspeed_config["zero_stage"] == int(name[-1])


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="expected fsdp2, zero2, zero3, got 'zero4'"):
        path_of("zero4")
