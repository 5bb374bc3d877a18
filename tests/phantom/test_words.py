"""What is said about phantoms is said in both languages."""

from __future__ import annotations

from umit.phantom import words
from umit.phantom.film import FINDINGS


def test_both_languages_name_everything() -> None:
    for word in (*words.CLASSES, *words.ORGAN_LABELS, *FINDINGS):
        assert words.name(word, "zh") != word
    assert len(set(words.names(words.ORGAN_LABELS, "zh"))) == len(words.ORGAN_LABELS)
    assert len(set(words.names(words.CLASSES, "zh"))) == len(words.CLASSES)
    for question in words.QUESTIONS.values():
        assert set(question) == {"en", "zh"}
