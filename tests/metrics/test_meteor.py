"""METEOR by Java and nltk's; what the Java program itself answers is in ``golden/test_meteor.py``."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from umit.errors import BackendError, InputError, MissingExtraError
from umit.metrics import meteor as module
from umit.metrics.meteor import java_meteor, nltk_meteor


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
        java_meteor(found, true)
    assert refused.value.code == "references"


def test_without_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingExtraError, match=r"pip install 'umit\[reports\]'"):
        java_meteor(["a"], [["a"]])


def test_a_program_that_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho out of memory >&2\nexit 3\n")
    java.chmod(0o755)
    monkeypatch.setattr(module, "meteor_program", lambda: (str(java), tmp_path / "meteor-1.5.jar"))
    with pytest.raises(BackendError, match="exit status 3: out of memory"):
        java_meteor(["a"], [["a"]])


@pytest.fixture
def fresh() -> Iterator[None]:
    nltk_meteor.cache_clear()
    yield
    nltk_meteor.cache_clear()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(
    ("found", "true", "expected", "why"),
    [
        ("Lung", "lung", 0.5, "case is folded"),
        ("nodules", "nodule", 0.5, "stems"),
        ("left lung", "left lung", 1 - 0.5 / 8, "two words"),
        ("", "lung", 0, "nothing said"),
        ("lung", "", 0, "no truth"),
        ("isn't", "is n't", 1 - 0.5 / 8, "Treebank's words"),
        ("肺", "肺", 0.5, "Chinese is one word"),
    ],
)
def test_nltks(found: str, true: str, expected: float, why: str) -> None:
    pytest.importorskip("nltk", reason="nltk comes with the extra 'reports'")
    assert nltk_meteor()(found, true) == pytest.approx(expected), why


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("absent", [LookupError("Resource wordnet not found"), OSError("index.sense")])
def test_without_wordnet_it_says_so_once(
    absent: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def ensure_loaded() -> None:
        raise absent

    corpus = pytest.importorskip("nltk.corpus", reason="nltk comes with the extra 'reports'")
    monkeypatch.setattr(corpus, "wordnet", SimpleNamespace(ensure_loaded=ensure_loaded))
    with caplog.at_level(logging.WARNING):
        assert nltk_meteor()("tumour", "mass") == nltk_meteor()("tumour", "tumor") == 0
    (record,) = caplog.records
    assert "no whole WordNet" in record.getMessage() and "not the published" in record.getMessage()


@pytest.mark.usefixtures("fresh")
def test_synonyms_count_where_wordnet_is_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The data of WordNet are not installed here: two words of its form stand in for them."""
    tumour = SimpleNamespace(lemmas=lambda: [SimpleNamespace(name=lambda: "mass")])
    known = SimpleNamespace(ensure_loaded=lambda: None, synsets=lambda word: [tumour] if word == "tumour" else [])
    corpus = pytest.importorskip("nltk.corpus", reason="nltk comes with the extra 'reports'")
    monkeypatch.setattr(corpus, "wordnet", known)
    assert nltk_meteor()("tumour", "mass") == 0.5 > nltk_meteor()("lung", "mass") == 0
    assert not caplog.records


@pytest.mark.usefixtures("fresh")
def test_without_nltk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nltk", None)
    monkeypatch.setitem(sys.modules, "nltk.translate.meteor_score", None)
    with pytest.raises(MissingExtraError, match=r"umit\[reports\]"):
        nltk_meteor()
