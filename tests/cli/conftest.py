"""The command line with scripted answers in place of weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from umit.chat import OBJECT_START, Completion, Request, spell
from umit.checkpoints import PHANTOM, Checkpoint
from umit.model import UMIT
from umit.testing import ScriptedBackend

Replies = Sequence[str] | Callable[[Request], str | Completion]
Script = Callable[..., ScriptedBackend]


def whole(request: Request) -> str | Completion:
    """Reply the first option, boxes and points that reach the ends of the frame, or words."""
    words = spell(request.words)
    if request.options:
        scores = (-0.1, *(-3.0,) * (len(request.options) - 1))
        return Completion(text=spell(request.options[0]), option_logprobs=scores)
    if OBJECT_START in request.words:
        return "<|box_start|>(0,0),(800,800)<|box_end|><|box_start|>(200,400),(400,600)<|box_end|>"
    if "bounding box" in words or "边界框" in words:
        return "[[(0,0,0),(199,199,31)]]"[1:-1]
    return "[600,800]" if "[x,y]" in words else "Clear.\nNormal."


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Let ``UMIT.from_pretrained`` give scripted answers."""

    def give(replies: Replies = whole, card: Checkpoint = PHANTOM) -> ScriptedBackend:
        backend = ScriptedBackend(replies)
        load = staticmethod(lambda *args, **kwargs: UMIT(backend, card))
        monkeypatch.setattr(UMIT, "from_pretrained", load)
        return backend

    return give


@pytest.fixture
def film(tmp_path: Path) -> str:
    """A film of 512 × 256 pixels."""
    path = tmp_path / "film.png"
    pixels = np.random.default_rng(0).integers(0, 256, (256, 512), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return str(path)
