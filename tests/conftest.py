"""Where tests find the sample files that are not part of the repository, and a small tokenizer."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from umit.backends.local.automaton import NOTHING
from umit.backends.local.expression import compiled
from umit.chat import CONTROL, answer_words
from umit.engine.encode import Encoder
from umit.patterns import Pattern

_ROOT = Path(__file__).resolve().parents[1]

# What is slow on a busy machine is not wrong.
settings.register_profile("umit", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=25)  # `nox -s fast`
settings.register_profile("long", deadline=None, max_examples=500)  # `nox -s long`
settings.load_profile("umit")

#: Qwen2-VL's control tokens, in its order.
_CONTROL = (
    "endoftext im_start im_end object_ref_start object_ref_end box_start box_end quad_start "
    "quad_end vision_start vision_end vision_pad image_pad video_pad"
)


def examples(count: int) -> int:
    """Return how many examples a property gets where 100 are usual; fewer in the profile "fast", more in "long"."""
    return count * settings().max_examples // 100


def matches(pattern: Pattern, text: str) -> bool:
    """Return whether decoding under a pattern can write a text, its grounding tokens as such."""
    controls = {token.text: 256 + k for k, token in enumerate(CONTROL)}
    state = compiled(pattern.text, controls, pattern.corners)
    for word in answer_words(text):
        for symbol in word.encode() if isinstance(word, str) else [controls[word.text]]:
            state = state.after(symbol)
    return state is not NOTHING and state.nullable


def missing_tool(name: str) -> tuple[str, bool] | None:
    """Return why a program cannot be had, and whether that is a failure; ``None`` if it is there."""
    if shutil.which(name):
        return None
    wanted = os.environ.get("UMIT_REQUIRE_TOOLS", "").replace(",", " ").split()
    return f"{name} is not installed", name in wanted


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose program is missing; fail where UMIT_REQUIRE_TOOLS names it."""
    for mark in item.iter_markers("tool"):
        if missing := missing_tool(mark.args[0]):
            reason, wanted = missing
            (pytest.fail if wanted else pytest.skip)(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names that differ from process to process: ``-n 2`` could not share such tests out."""
    if named := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"expected ids without an address in memory, got {named}")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what passing tests tell; a process of ``-n 2`` has no terminal of its own."""
    for report in terminalreporter.getreports("passed"):
        for _, told in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"\n{told}")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with samples, golden data and reference pages."""
    folder = Path(os.environ.get("UMIT_SHARED") or _ROOT.parent / "shared").resolve()
    if folder.is_dir():
        return folder
    reason = f"no sample files at {folder}; set UMIT_SHARED"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """An encoder over bytes with Qwen2-VL's control tokens; two line breaks merge into one token."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*alphabet, "ĊĊ"])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(f"<|{name}|>", special=True, normalized=False) for name in _CONTROL.split()]
    )
    return Encoder(PreTrainedTokenizerFast(tokenizer_object=tokenizer))


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The tokenizer of a smoke build; to learn it takes seconds, so tests share it and leave it as it is."""
    from recipes.embedded.build import trained_tokenizer
    from recipes.embedded.model import SMOKE

    return trained_tokenizer(tmp_path_factory.mktemp("tokenizer") / "t", 0, SMOKE.vocabulary)
