"""One scan is read and encoded once for many questions, and what a question takes is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit import UMIT
from umit.backends.local import prefix
from umit.checkpoints import PHANTOM
from umit.errors import BackendError, InputError
from umit.phantom import draw_film
from umit.testing import ScriptedBackend, tiny_checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> UMIT:
    return UMIT.from_pretrained(tiny_checkpoint(tmp_path_factory.mktemp("look") / "tiny", card=PHANTOM))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    Image.fromarray(draw_film(0).pixels).save(tmp_path / "film.png")
    return tmp_path / "film.png"


def test_read_and_encoded_once(model: UMIT, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [
        model.answer(film, "Is there nodule?", options=["yes", "no"]),
        model.classify(film, ["film", "CT"]),
        model.detect(film, "nodule"),
    ]
    model.backend.release()  # type: ignore[attr-defined]
    shown: list[int] = []
    real = prefix.encode_pictures

    def counted(tower: Any, pixels: Any, grids: Any) -> Any:
        shown.append(len(grids))
        return real(tower, pixels, grids)

    monkeypatch.setattr(prefix, "encode_pictures", counted)
    with model.look(film) as seen:
        film.unlink()  # it was read
        together = [
            seen.answer("Is there nodule?", options=["yes", "no"]),
            seen.classify(["film", "CT"]),
            seen.detect("nodule"),
        ]
    assert [one.raw for one in together] == [one.raw for one in alone]
    assert shown == [1]
    assert not model.backend._pictures  # type: ignore[attr-defined]


def test_what_cannot_be_read_is_told_at_once(model: UMIT, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.png"), model.look(tmp_path / "none.png"):
        pass


def test_what_a_question_takes(model: UMIT, film: Path) -> None:
    cost = model.plan(film)
    text = model.backend._engine.model.config.text_config  # type: ignore[attr-defined]
    assert (cost.pictures, cost.tokens) == (1, 64)
    cache = (
        64 * 2 * text.num_hidden_layers * text.num_key_value_heads * text.hidden_size // text.num_attention_heads * 4
    )
    assert cost.kept == cache and cost.weights > 0 and cost.seconds > 0
    volume = np.zeros((40, 60, 60), np.int16)
    from umit import load

    assert model.plan(load(volume, axes="zyx", spacing=(1, 1, 1)), "detect_3d").pictures == 32


def test_other_engines_are_not_planned_with(film: Path) -> None:
    model = UMIT(ScriptedBackend(["a"]), PHANTOM)
    with pytest.raises(BackendError, match="weights in this process"):
        model.plan(film)
    with model.look(film) as seen:
        assert seen.answer("Which organ?").text == "a"
