"""The door to training: samples of any data set in, a checkpoint that loads and has learned out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.training.films import write_films
from tests.training.hub import check_as_on_hub

from umit import UMIT
from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.datasets.mixture import Mixture
from umit.engine.adapters import files_fingerprint
from umit.errors import CheckpointError, DatasetError, DatasetWarning, InputError
from umit.evaluation import score
from umit.phantom.samples import Phantoms
from umit.queries import Ask
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Hyperparameters, train
from umit.training.claim import alone

SAMPLES = [sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id]
SETTINGS = Hyperparameters(steps=4, learning_rate=3e-3, warmup=1, log_every=1)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_samples_become_a_checkpoint(start: Path, tmp_path: Path, plain: bool) -> None:
    mixture = Mixture({"films": SAMPLES, "more": SAMPLES[:2]}, {"films": 2.0, "more": 1.0})
    told: list[tuple[int, float]] = []

    def tell(step: int, loss: float) -> bool:
        told.append((step, loss))
        return True

    settings = replace(SETTINGS, learning_rate=2e-2)
    out = train(
        mixture, model=start, out=tmp_path, settings=settings, stage=ALIGN, batch=2, plain=plain, tell=tell
    )  # fmt: skip
    assert out == tmp_path
    assert [step for step, _ in told] == [1, 2, 3, 4]
    assert told[-1][1] < told[0][1]
    weights = (out / "model.safetensors").read_bytes()
    again = train(
        mixture, model=start, out=tmp_path, settings=settings, stage=ALIGN, batch=2, plain=plain, tell=tell
    )  # fmt: skip
    assert again == out and len(told) == 4, "what is finished is not trained on"
    assert (out / "model.safetensors").read_bytes() == weights
    model = UMIT.from_pretrained(out)
    card = model.checkpoint
    assert (card.dialect, card.task_names) == (PHANTOM.dialect, PHANTOM.task_names)
    assert card.name == tmp_path.name and "phantoms only" not in card.notice
    (answer,) = model.predict([(SAMPLES[0].source.scans()[0], Ask("Is it?", options=("yes", "no")))])
    assert not isinstance(answer, Exception)


def test_a_stopped_call_goes_on(start: Path, tmp_path: Path) -> None:
    def go(folder: str, stop: int = 99) -> tuple[Path | None, list[float]]:
        losses: list[float] = []

        def tell(step: int, loss: float) -> bool:
            losses.append(loss)
            return step < stop

        out = train(
            SAMPLES, model=start, out=tmp_path / folder, settings=SETTINGS, batch=2, plain=True, tell=tell
        )  # fmt: skip
        return out, losses

    _, whole = go("whole")
    stopped, first = go("parts", stop=2)
    assert stopped is None and not (tmp_path / "parts" / "config.json").exists()
    finished, second = go("parts")
    assert finished == tmp_path / "parts"
    assert first + second == pytest.approx(whole, abs=1e-5)


def test_bad_use_is_told(start: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected umit\.json"):
        train(SAMPLES, model=tmp_path, out=tmp_path / "out", settings=SETTINGS)
    with pytest.raises(DatasetError, match="expected samples"):
        train([], model=start, out=tmp_path / "out", settings=SETTINGS, plain=True)
    with pytest.raises(InputError, match="one a process, got 0"):
        train(SAMPLES, model=start, out=tmp_path / "out", settings=SETTINGS, batch=0)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_films(tmp_path_factory.mktemp("set") / "films", patients=4)


@pytest.fixture(scope="module")
def taught(start: Path, films: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A checkpoint taught dark and light films, and what was said on the way."""
    said: list[str] = []
    with pytest.warns(DatasetWarning, match="8 groups"):
        out = train(
            load(films), model=start, out=tmp_path_factory.mktemp("out") / "mine", settings=SETTINGS,
            stage=(ALIGN, INSTRUCT), val=0.25, every=3, batch=2, plain=True, say=said.append,
            command="umit train films --out mine",
        )  # fmt: skip
    assert out is not None
    return out, said


def test_it_tells_whether_it_learned(taught: tuple[Path, list[str]]) -> None:
    out, said = taught
    heads = [line.partition(",")[0] for line in said if "accuracy" in line]
    assert [head.partition(":")[0] for head in heads] == [
        "commonest answer", "nearest pictures (28 × 28)", "logistic regression (28 × 28)", "step 0", "step 3", "step 6", "step 8"
    ]  # fmt: skip
    assert "nearest pictures (28 × 28): AUC 1.000 (1.000 to 1.000), n 4" in said
    record = json.loads((out / "training.json").read_text("utf-8"))
    figures = {(f["step"], f["metric"]): f["value"] for f in record["figures"]}
    best = record["best_step"]
    assert best == max((figures[step, "accuracy"], step) for step in (3, 6, 8))[1]
    again = score(out / "validation")
    assert again["accuracy"] == figures[best, "accuracy"], "the journal of the weights that were kept"
    model = UMIT.from_pretrained(out)
    assert model.fingerprint == again.manifest["weights"], "and those are the weights"


def test_its_cards_are_its_own(taught: tuple[Path, list[str]], start: Path) -> None:
    out, _ = taught
    card = UMIT.from_pretrained(out).checkpoint
    assert card.name == "mine" and card.dialect == PHANTOM.dialect
    assert "films, a folder of pictures a class" in card.notice and "(classify; en)" in card.notice
    origin = card.origin
    assert origin is not None and (origin.base, origin.licence) == (PHANTOM.name, "")
    assert origin.data == (("films, a folder of pictures a class", "the owner's"),)
    record = json.loads((out / "training.json").read_text("utf-8"))
    assert record["base_fingerprint"] == files_fingerprint(start)
    best = {f["metric"]: f["value"] for f in record["figures"] if f["step"] == record["best_step"]}
    assert {one.metric: one.value for one in origin.measured} == best and "accuracy" in best
    text = (out / "README.md").read_text("utf-8")
    assert text.startswith("---\nlibrary_name:") and "Licence of the weights: not told" in text
    for told in ("# mine", "not a medical device", "umit train films --out mine", "| 12 | 6 |", "the owner's"):
        assert told in text
    assert re.search(r"It does not beat .*nearest pictures \(28 × 28\)", text)
    assert not [p for p in out.rglob("README.md") if p.parent != out]


def test_what_serves_it_finds_names_as_on_the_hub(taught: tuple[Path, list[str]]) -> None:
    check_as_on_hub(taught[0])


def test_plain_transformers_loads_it(taught: tuple[Path, list[str]]) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    out, _ = taught
    load_processor: Any = AutoProcessor
    processor = load_processor.from_pretrained(out)
    model = AutoModelForImageTextToText.from_pretrained(out)
    said = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Which?"}]}]
    text = processor.apply_chat_template(said, add_generation_prompt=True)
    inputs = processor(text=[text], images=[Image.new("RGB", (56, 56))], return_tensors="pt")
    found = model.generate(**inputs, max_new_tokens=2, do_sample=False)
    assert found.shape[1] - inputs["input_ids"].shape[1] in (1, 2)


def test_the_same_words_go_on_and_others_are_refused(start: Path, films: Path, tmp_path: Path) -> None:
    def go(**changed: Any) -> list[str]:
        said: list[str] = []
        words: dict[str, Any] = {"settings": SETTINGS, "batch": 2, "val": 0.25, "plain": True, **changed}
        with pytest.warns(DatasetWarning):
            train(load(films), model=start, out=tmp_path / "mine", say=said.append, **words)
        return said

    assert go(tell=lambda step, loss: step < 2)
    assert not (tmp_path / "mine" / "config.json").exists()
    assert [line[:6] for line in go() if "accuracy" in line] == ["step 3", "step 4"]
    weights = (tmp_path / "mine" / "model.safetensors").read_bytes()
    assert [line for line in go() if "accuracy" in line] == [], "what is asked is not asked again"
    assert (tmp_path / "mine" / "model.safetensors").read_bytes() == weights
    for differs, changed in {
        "settings": {"settings": replace(SETTINGS, learning_rate=1.0)},
        "batch": {"batch": 3},
        "stages": {"stage": ALIGN},
        "augmentation": {"augment": None},
        "training data; validation data": {"val": 0.5},
    }.items():
        with pytest.raises(InputError, match=f"mine: .*differs in .*{differs}"):
            go(**changed)
    assert (tmp_path / "mine" / "model.safetensors").read_bytes() == weights


def test_a_folder_of_something_else_is_left_alone(start: Path, films: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("years of work")
    for out, said in ((tmp_path, "one that holds thesis.docx"), (tmp_path / "thesis.docx", "got a file")):
        with pytest.raises(InputError, match=said):
            train(SAMPLES, model=start, out=out, settings=SETTINGS, batch=2, plain=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]


def test_minutes_are_measured_once(start: Path, tmp_path: Path) -> None:
    def go() -> int:
        train(SAMPLES, model=start, out=tmp_path / "mine", minutes=0.005, batch=2, plain=True)
        steps = json.loads((tmp_path / "mine" / "state" / "run.json").read_text())["settings"]["steps"]
        return int(steps)

    first = go()
    assert first >= 1 and go() == first


def test_a_stream_is_asked_other_samples(start: Path, tmp_path: Path) -> None:
    said: list[str] = []
    asked = [one for one in SAMPLES if one.group == SAMPLES[0].group]
    mixture = Mixture({"films": [one for one in SAMPLES if one not in asked]}, {"films": 1.0})
    settings = replace(SETTINGS, steps=1)
    out = train(
        mixture, model=start, out=tmp_path, settings=settings, val=asked, batch=1, plain=True, say=said.append
    )  # fmt: skip
    assert out == tmp_path and {line[:6] for line in said if line.startswith("step")} == {"step 0", "step 1"}
    assert "a stream of data sets" in (out / "README.md").read_text("utf-8")


def test_a_stream_is_looked_through_and_shares_no_patient(start: Path, tmp_path: Path) -> None:
    mixture = Mixture({"films": SAMPLES, "none": []}, {"films": 1.0, "none": 1.0})
    with pytest.raises(DatasetError, match="samples in the set 'none' of the mixture, got none"):
        train(mixture, model=start, out=tmp_path / "a", settings=SETTINGS)
    with pytest.raises(DatasetError, match="patients that the training part does not have, got 'film-0'"):
        train(Mixture({"films": SAMPLES}, {"films": 1.0}), model=start, out=tmp_path / "a", settings=SETTINGS,
              val=SAMPLES[:1])  # fmt: skip
    assert not (tmp_path / "a").exists()


def test_a_stream_has_no_share(start: Path, tmp_path: Path) -> None:
    mixture = Mixture({"films": SAMPLES}, {"films": 1.0})
    with pytest.raises(InputError, match="a share of a stream"):
        train(mixture, model=start, out=tmp_path / "a", settings=SETTINGS, val=0.5)
    with pytest.raises(InputError, match="expected settings for a stream"):
        train(mixture, model=start, out=tmp_path / "a")


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, '{"minutes": 1}', '{"minutes": 1, "settings": 3}'],
                         ids=["empty", "list", "null", "deep", "no settings", "a number"])  # fmt: skip
def test_a_state_that_is_no_run_is_refused_and_kept(text: str, start: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "run.json").write_text(text)
    with pytest.raises(
        InputError, match=r"expected JSON|expected what a run depends on|expected the run that is there"
    ):
        train(SAMPLES, model=start, out=tmp_path, settings=SETTINGS, batch=2, minutes=1, plain=True)
    assert {path.name for path in tmp_path.rglob("*.*")} <= {"run.json", "run.lock"}
    assert (tmp_path / "state" / "run.json").read_text() == text


def test_one_processs_share_of_a_stream_is_refused(start: Path, tmp_path: Path) -> None:
    """Every process takes its share of each step; of a share it would train half."""
    mixture = Mixture({"films": SAMPLES}, {"films": 1.0}, rank=0, world=2)
    with pytest.raises(InputError, match="expected a whole stream, got one process's share of 2"):
        train(mixture, model=start, out=tmp_path / "a", settings=SETTINGS)
    assert not (tmp_path / "a").exists()


def test_two_runs_do_not_write_in_one_folder(start: Path, tmp_path: Path) -> None:
    with alone(tmp_path, file="state/run.json"):
        with pytest.raises(InputError, match="another run is writing") as told:
            train(SAMPLES, model=start, out=tmp_path, settings=SETTINGS, batch=2, plain=True)
        assert told.value.code == "busy"
        assert [path.name for path in tmp_path.rglob("*")] == ["state", "run.lock"], "nothing was written"
    # What is left of a run that was killed before it said what it is.
    assert train(SAMPLES, model=start, out=tmp_path, settings=SETTINGS, batch=2, plain=True) == tmp_path
