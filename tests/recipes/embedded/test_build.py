"""The build runs, goes on where it stopped, and what it writes loads everywhere."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from umit.chat import spell
from umit.phantom import build as building
from umit.phantom.cases import HELD_OUT
from umit.phantom.steps import FIRST_SEED, SHARES, SHIFT, Draw, apart, step_turns


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    out = building.build(folder, seed=0, smoke=True)
    assert out is not None
    return out


@pytest.mark.slow
def test_the_loss_falls(built: Path) -> None:
    losses = json.loads((built / "build.json").read_text())["losses"]
    first, last = losses["align"]
    assert last < first - 0.2


@pytest.mark.slow
def test_the_result_loads_and_writes(built: Path) -> None:
    from umit import UMIT
    from umit.errors import OutputError
    from umit.phantom.cases import film_case
    from umit.results import Answer

    model = UMIT.from_pretrained(built)
    case = film_case(HELD_OUT)
    answer = model.answer(case.scans[0], "Is this image normal?", options=["yes", "no"])
    assert isinstance(answer, Answer)
    assert answer.probabilities is not None and sum(answer.probabilities) == pytest.approx(1)
    try:
        model.report(case.scans[0])
    except OutputError as error:
        assert error.text is not None


@pytest.mark.slow
def test_plain_transformers_loads_it(built: Path) -> None:
    import torch
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    model = AutoModelForImageTextToText.from_pretrained(built, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(built)
    assert type(model).__name__ == "Qwen2VLForConditionalGeneration"
    text = "结节 <|box_start|>(12,3),(4,5)<|box_end|> 😀"
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.slow
def test_auto_processor_makes_the_same_prompt(built: Path) -> None:
    pytest.importorskip("torchvision")
    import numpy as np
    from PIL import Image
    from transformers import AutoProcessor, AutoTokenizer

    from umit.chat import Request
    from umit.engine.encode import Encoder

    processor = AutoProcessor.from_pretrained(built)
    picture = np.full((224, 224, 3), 90, np.uint8)
    messages = [
        {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is it?"}]}
    ]
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    theirs = processor(text=[text], images=[Image.fromarray(picture)])["input_ids"][0]
    ours = Encoder(AutoTokenizer.from_pretrained(built)).prompt(
        Request(words=("Is it?",), frames=(picture,))
    )
    assert list(theirs) == ours


def test_packages_that_are_missing_are_left_out_of_the_record() -> None:
    assert list(building._versions("numpy", "no-such-package")) == ["numpy"]


@pytest.mark.slow
def test_a_stopped_build_goes_on(tmp_path: Path) -> None:
    assert building.build(tmp_path, seed=3, minutes=0.0, smoke=True) is None
    out = building.build(tmp_path, seed=3, smoke=True)
    assert out is not None and (out / "model.safetensors").is_file()


def test_a_step_is_a_function_of_its_number() -> None:
    for stage in ("align", "instruct"):
        a, b = (step_turns(stage, 5, Draw(0, smoke=True)) for _ in range(2))
        assert [[spell(t.request.words) + t.answer for t in row] for row in a] == [
            [spell(t.request.words) + t.answer for t in row] for row in b
        ]


def test_training_never_draws_a_held_out_seed() -> None:
    stages = sorted(FIRST_SEED, key=FIRST_SEED.__getitem__)
    for stage, after in zip(stages, [*(FIRST_SEED[s] for s in stages[1:]), HELD_OUT], strict=True):
        past = FIRST_SEED[stage] + building.RECIPES[stage][0] * apart(stage)
        assert past + SHIFT < after, "no stage draws another one's cases"


@pytest.mark.parametrize("stage", FIRST_SEED)
def test_a_step_leaves_the_next_one_its_cases(stage: str) -> None:
    drawn = [Draw(7).cases(stage, step)[1] for step in range(60)]
    for seeds, after in pairwise(drawn):
        assert len(seeds) <= max(share.rows for share in SHARES[stage])
        assert seeds[-1] + 1 < after[0], "a comparison takes the case after its own too"


def test_the_embedded_weights_are_what_the_code_builds() -> None:
    folder = Path(str(resources.files("umit.phantom"))) / "weights"
    record = json.loads((folder / "build.json").read_text(encoding="utf-8"))
    weights = (folder / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == record["weights_sha256"]
    assert len(weights) < 10_000_000
    assert record["hashes"] == building.fingerprint()
    assert record["steps"] == {name: steps for name, (steps, _) in building.RECIPES.items()}
