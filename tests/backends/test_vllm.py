"""vLLM in this process; the same answers are the contract's matter (test_contract.py)."""

from __future__ import annotations

import importlib.util

import pytest

from umit import UMIT
from umit.errors import InputError, MissingExtraError


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_the_command_is_told() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[vllm\]'"):
        UMIT.from_vllm("umit-phantom")


def test_devices_are_one_or_more() -> None:
    with pytest.raises(InputError, match="tensor_parallel_size: expected 1 or more, got 0"):
        UMIT.from_vllm("umit-phantom", tensor_parallel_size=0)
