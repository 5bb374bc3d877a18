"""What cleaning does to reports before they are scored."""

from __future__ import annotations

import pytest

from umit.metrics.cleaning import ptb_words, r2gen_iu_xray


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", " .", id="empty has a word"),
        pytest.param("Clear.", "clear .", id="one sentence"),
        pytest.param("1. A. 2. B. 9. C.", "a . b . 9 . c .", id="numbers to five"),
        pytest.param("Segment 2. Clear.", "segment . clear .", id="number in text"),
        pytest.param("3.5 cm", "35 cm .", id="decimals are joined"),
        pytest.param("size < 5 = @", "size  5   .", id="accidental range"),
        pytest.param("mid-lung", "mid-lung .", id="hyphen stays"),
        pytest.param("edema/effusion", "edemaeffusion .", id="slash goes"),
        pytest.param("No edema.No mass", "no edemano mass .", id="no blank between"),
        pytest.param("Clear.... Heart.", "clear . heart .", id="dots"),
        pytest.param("a\nb  c", "a\nb  c .", id="breaks and blanks stay"),
    ],
)
def test_r2gen(text: str, expected: str) -> None:
    assert r2gen_iu_xray(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),  # what Stanford's tokenizer 3.4.1 gives, in lower case, without COCO's marks
    [
        pytest.param("", "", id="empty"),
        pytest.param("Heart: normal; clear, yes!", "heart normal clear yes", id="marks go"),
        pytest.param("3.5 cm, 1,000 or .5", "3.5 cm 1,000 or .5", id="numbers stay"),
        pytest.param("5.6cm 10mm", "5.6 cm 10mm", id="unit on number"),
        pytest.param("1-1.5 cm", "1-1 .5 cm", id="range of numbers"),
        pytest.param("x-ray lobe/air-like a / b", "x-ray lobe/air-like a / b", id="joined words"),
        pytest.param("no change.No mass", "no change.no mass", id="glued sentences"),
        pytest.param("isn't I'm cannot", "is n't i 'm can not", id="contractions"),
        pytest.param("patient’s “left” — stable…", "patient 's left stable", id="typographic marks"),
        pytest.param("(a) [b] {c}", "-lrb- a -rrb- -lsb- b -rsb- -lcb- c -rcb-", id="brackets stay"),
        pytest.param("prior CT. Next", "prior ct. next", id="Connecticut"),
        pytest.param("No. 2 rib. No. Mass", "no. 2 rib no mass", id="number sign"),
        pytest.param("-5 HU, +3", "-5 hu +3", id="signs"),
        pytest.param("a --- b ... c - d", "a b c d", id="dashes and dots"),
        pytest.param("lung??", "lung ??", id="two marks stay"),
        pytest.param("a_b 50%", "a _ b 50 %", id="percent stays"),
    ],
)
def test_ptb_words(text: str, expected: str) -> None:
    assert ptb_words(text) == expected
