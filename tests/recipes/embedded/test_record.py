"""The weights' own record: it fails when the code or the data are no longer what the weights came from."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from recipes.embedded import record
from recipes.embedded.model_card import model_card
from recipes.embedded.stages import STAGES
from umit.errors import InputError

RECORD = json.loads((record.WEIGHTS / "build.json").read_text("utf-8"))
BATCHES = json.loads(record.BATCHES.read_text("utf-8"))
REMEDY = (
    "the code that drew or taught the committed weights has changed: build them anew, or say why they still stand "
    "with `python -m recipes.embedded --restate WHY`"
)


def test_the_weights_are_those_of_the_record() -> None:
    weights = (record.WEIGHTS / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == RECORD["weights_sha256"]
    assert len(weights) < 10_000_000


def test_the_settings_are_those_of_the_record() -> None:
    names = RECORD.get("stage_names", {})
    assert record.settings_hashes(names) == RECORD["hashes"]
    assert RECORD["steps"] == {names.get(stage.name, stage.name): stage.steps for stage in STAGES}


def test_the_code_is_that_of_the_record() -> None:
    statement, *_ = RECORD["code"].values()
    assert len(statement) > 20
    assert {"statement": statement, **record.code_hashes()} == RECORD["code"], REMEDY


@pytest.mark.slow  # draws them all anew
def test_the_data_are_those_that_the_weights_were_trained_on() -> None:
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    from umit.engine.encode import Encoder

    drawn = record.data_digests(Encoder(Qwen2Tokenizer.from_pretrained(record.WEIGHTS)))
    assert not record.differences(drawn, BATCHES)


def test_the_card_is_that_of_the_record() -> None:
    card = (record.WEIGHTS / "README.md").read_text("utf-8")
    board = re.compile(r"(<!-- board -->\n).*(<!-- /board -->)", re.DOTALL)
    assert board.sub(r"\1\2", card) == model_card(RECORD)


CODE = '"""Says."""\nfrom a import b\n\ndef f(x):\n    """Doubles."""\n    return 2 * x  # twice\n'


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (CODE.replace("Doubles", "Twice"), True),
        (CODE.replace("# twice", "# two times"), True),
        (CODE.replace("from a", "from c"), True),
        (CODE.replace("(x)", "(\n    x\n)"), True),
        (CODE.replace("2 *", "3 *"), False),
        (CODE.replace("2 *", "2 +"), False),
        (CODE.replace("return", "y ="), False),
        (CODE + "f(1)\n", False),
        (CODE.replace("def f", "def g"), False),
    ],
)
def test_code_is_what_runs(changed: str, same: bool) -> None:
    assert (record.meaning(changed) == record.meaning(CODE)) is same


def _altered(path: str, value: Any) -> dict[str, Any]:
    stage, *keys = path.split("/")
    altered = copy.deepcopy(BATCHES)
    place = altered[stage]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value(place[keys[-1]])
    return altered


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("coordinates/cases", lambda text: text[::-1], "other cases"),
        ("attention/batches/0/whole", lambda text: text[::-1], "another word or box"),
        ("align/batches/0/pixels", lambda some: [some[0] + 0.1, *some[1:]], "another grain"),
        ("instruct/batches", lambda some: {**some, "99": some["0"]}, "a step more"),
    ],
)
def test_other_data_are_seen(path: str, value: Any, why: str) -> None:
    found = record.differences(_altered(path, value), BATCHES)
    assert len(found) == 1 and found[0].startswith(f"/{path}"), why


def test_a_grey_level_of_rounding_is_no_other_picture() -> None:
    def rounded(some: list[float]) -> list[float]:
        return [some[0] + 0.015, *some[1:]]

    assert not record.differences(_altered("align/batches/0/pixels", rounded), BATCHES)


def test_only_unchanged_data_can_be_restated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {**RECORD, "code": {"statement": "former"}}
    record.write_json(tmp_path / "build.json", kept)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((record.WEIGHTS / name).read_bytes())
    monkeypatch.setattr(record, "WEIGHTS", tmp_path)
    monkeypatch.setattr(record, "data_digests", lambda encoder: BATCHES)
    with pytest.raises(InputError, match="expected a reason"):
        record.restate(" ")
    record.restate("Only words have changed.")
    found = json.loads((tmp_path / "build.json").read_text("utf-8"))
    assert found["code"] == {"statement": "Only words have changed.", **record.code_hashes()}
    assert {**found, "code": None} == {**kept, "code": None}
    other = _altered("coordinates/cases", lambda text: text[::-1])
    monkeypatch.setattr(record, "data_digests", lambda encoder: other)
    with pytest.raises(InputError, match="/coordinates/cases"):
        record.restate("It makes no difference.")
