"""METEOR 1.5 by its Java program."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from umit.errors import BackendError, InputError, MissingExtraError
from umit.metrics import meteor as module
from umit.metrics.meteor import meteor, meteor_counts, meteor_program, meteor_totals


@pytest.mark.slow
@pytest.mark.tool("java")
def test_awkward_texts() -> None:
    try:
        meteor_program()
    except MissingExtraError as missing:
        wanted = "java" in os.environ.get("UMIT_REQUIRE_TOOLS", "")
        (pytest.fail if wanted else pytest.skip)(str(missing))
    texts = ["the left\nlung", "the left lung", "left ||| lung", "", "左肺", "a\r\u2028b"]
    counts = meteor_counts(texts, [["the left lung"]] * 4 + [["左肺"], ["a b", "c"]])
    whole, first = meteor_totals([counts, counts[:1]])
    assert whole.each[0] == whole.each[1] == 1.0  # a line break neither hangs nor shifts the rest
    assert 0 < whole.each[2] < 1 and whole.each[3] == 0
    assert whole.each[5] == 1.0
    assert 0 < whole.corpus < 1
    assert (first.corpus, first.each) == (1.0, (1.0,))


@pytest.mark.parametrize(
    ("found", "true"),
    [
        pytest.param([], [], id="no texts"),
        pytest.param(["a"], [], id="no references"),
        pytest.param(["a"], [[]], id="none for one"),
    ],
)
def test_wrong_use(found: list[str], true: list[list[str]]) -> None:
    with pytest.raises(InputError, match="references for each") as refused:
        meteor(found, true)
    assert refused.value.code == "references"
    with pytest.raises(InputError, match="at least one text"):
        meteor_totals([[]])


def test_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[reports\]'"):
        meteor(["a"], [["a"]])


def test_a_program_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho out of memory >&2\nexit 3\n")
    java.chmod(0o755)
    monkeypatch.setattr(module, "meteor_program", lambda: (str(java), tmp_path / "meteor-1.5.jar"))
    with pytest.raises(BackendError, match="exit status 3: out of memory"):
        meteor(["a"], [["a"]])
