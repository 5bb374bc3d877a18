"""The build runs, goes on where it stopped, and what it writes loads everywhere."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from recipes.embedded import build as building
from recipes.embedded import record
from recipes.embedded.__main__ import main
from recipes.embedded.batches import Draws
from recipes.embedded.stages import SEED_RANGE, STAGES, BuildStage
from umit.chat import spell
from umit.phantom.cases import HELD_OUT


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    assert main(["--smoke", "--folder", str(folder)]) == 0
    return folder / "umit-phantom"


@pytest.mark.slow
def test_the_record_tells_what_was_done(built: Path) -> None:
    found = json.loads((built / "build.json").read_text("utf-8"))
    names = [stage.name for stage in STAGES]
    assert list(found["steps"]) == list(found["losses"]) == names
    assert {"statement": "This code trained these weights.", **record.code_hashes()} == found["code"]
    first, last = found["losses"]["align"]
    assert last < first - 0.2
    card = (built / "README.md").read_text("utf-8")
    assert all(f"| {name} | {found['steps'][name]} |" in card for name in names)


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
    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Is it?"}]}]
    text = processor.apply_chat_template(messages, add_generation_prompt=True)
    theirs = processor(text=[text], images=[Image.fromarray(picture)])["input_ids"][0]
    ours = Encoder(AutoTokenizer.from_pretrained(built)).prompt(Request(words=("Is it?",), frames=(picture,)))
    assert list(theirs) == ours


def test_packages_that_are_missing_are_left_out_of_the_record() -> None:
    assert list(building._versions("numpy", "no-such-package")) == ["numpy"]


@pytest.mark.slow
def test_a_stopped_build_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    smoke = ["--seed", "3", "--smoke", "--plain", "--folder", str(tmp_path)]
    assert main([*smoke, "--minutes", "0"]) == 0
    assert "time is up" in capsys.readouterr().out
    assert main(smoke) == 0
    out = tmp_path / "umit-phantom"
    assert f"wrote {out}" in capsys.readouterr().out
    assert json.loads((out / "build.json").read_text("utf-8"))["seed"] == 3


@pytest.mark.parametrize("stage", STAGES[-2:], ids=lambda stage: stage.name)
def test_a_step_is_a_function_of_its_number(stage: BuildStage) -> None:
    one, other = (
        [[spell(t.request.words) + t.answer for t in row] for row in draws.turns(5)]
        for draws in (Draws(stage, smoke=True), Draws(stage, smoke=True))
    )
    assert one == other


def test_training_never_draws_a_held_out_seed() -> None:
    stages = sorted(STAGES, key=lambda stage: stage.first_case)
    ends = [*(stage.first_case for stage in stages[1:]), HELD_OUT]
    for stage, end in zip(stages, ends, strict=True):
        past = stage.first_case + stage.steps * stage.stride
        assert past + SEED_RANGE < end, "no stage draws another one's cases"


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_step_leaves_the_next_one_its_cases(stage: BuildStage) -> None:
    drawn = [Draws(stage, seed=7).cases(step)[1] for step in range(60)]
    for numbers, after in pairwise(drawn):
        assert len(numbers) <= max(share.rows for share in stage.cases)
        assert numbers[-1] + 1 < after[0], "a comparison takes the case after its own too"
