"""The page states the strengths that the changes have, and no others."""

from __future__ import annotations

import re
from pathlib import Path

from umit.evaluation import perturb_pixels
from umit.evaluation.perturb import CHANGES
from umit.metrics.landmarks import LIMITS_MM
from umit.tasks import detect, landmarks

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "test-robustness.md"


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def test_the_page_states_the_constants() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    rows = dict(re.findall(r"\| `([a-z-]+)` \| (.*?) \|", text))
    assert set(rows) == {*CHANGES, "wrong-organ"}, "each change once"
    shift, noise = _percent(perturb_pixels._SHIFT), _percent(perturb_pixels._NOISE)
    pixels, degrees = perturb_pixels._COARSE, perturb_pixels.DEGREES
    kept = _percent(round(1 / perturb_pixels.CLOSER, 6))
    share, box, near = _percent(landmarks._SHARE), detect._SAME, LIMITS_MM[0]
    stated = {
        "window": f"window up by {shift} of its width; 8 bits without a window are darkened by {shift}",
        "noise": f"Gaussian, {noise} of the shown range",
        "coarse": f"{pixels} by {pixels} pixels take their mean",
        "rotation": f"{degrees:g} degrees clockwise",
        "crop": f"the middle {kept} of each side",
    }
    assert {name: said in rows[name] for name, said in stated.items()} == dict.fromkeys(stated, True)
    assert f"IoU of at least {box:g}, every point within {near:g} mm ({share} of the diagonal" in text
    # No other strength stands anywhere on the page; the interval's 95 % is no strength.
    assert set(re.findall(r"[\d.]+ %", text)) == {shift, noise, kept, share, "95 %"}
    assert set(re.findall(r"([\d.]+) degrees", text)) == {f"{degrees:g}"}


def test_the_code_says_of_itself_what_it_does() -> None:
    assert f"{_percent(perturb_pixels._SHIFT)} of its width" in str(perturb_pixels.shifted.__doc__)
    assert f"noise of {_percent(perturb_pixels._NOISE)}" in str(perturb_pixels.noisy.__doc__)
    assert f"{perturb_pixels._COARSE} by {perturb_pixels._COARSE}" in str(perturb_pixels.coarse.__doc__)  # fmt: skip
    assert f"by {perturb_pixels.DEGREES:g} degrees" in str(perturb_pixels.rotated.__doc__)
