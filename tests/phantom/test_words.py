"""What phantoms' reports say is read back, in both languages."""

from __future__ import annotations

import pytest

from umit.errors import ParseError
from umit.phantom import words
from umit.phantom.film import FINDINGS

LUNGS = [("nodule", "right", "upper"), ("effusion", "left", "lower"), ("enlarged heart", None, None)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_film_report_is_read_back(language: str) -> None:
    text = words.film_report(LUNGS, language)
    assert words.read_film_report(text, language) == {
        ("nodule", "right"),
        ("effusion", "left"),
        ("enlarged heart", None),
    }
    assert words.read_film_report(words.film_report([], language), language) == frozenset()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_volume_report_is_read_back(language: str) -> None:
    text = words.volume_report(["liver", "kidney-left"], language)
    assert words.read_volume_report(text, language) == {"liver", "kidney-left"}
    assert words.read_volume_report(words.volume_report([], language), language) == frozenset()


@pytest.mark.parametrize(
    "text", ["", "The heart is fine.", "There is nodule in the middle.", "There is tumour in the left upper zone."]
)
def test_other_sentences_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        words.read_film_report(text, "en")


def test_both_languages_name_everything() -> None:
    for word in (*words.CLASSES, *words.ORGAN_LABELS, *FINDINGS):
        assert words.name(word, "zh") != word
    assert len(set(words.names(words.ORGAN_LABELS, "zh"))) == len(words.ORGAN_LABELS)
    assert len(set(words.names(words.CLASSES, "zh"))) == len(words.CLASSES)
    for question in words.QUESTIONS.values():
        assert set(question) == {"en", "zh"}
