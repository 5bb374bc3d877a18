"""LoRA: what trains, what comes out, what loads it, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.training.hub import check_as_on_hub

from umit import UMIT
from umit.checkpoints import EMBEDDED, PHANTOM
from umit.engine.load import load_engine, load_shell
from umit.errors import CheckpointError, InputError, MissingExtraError
from umit.phantom.samples import Phantoms
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Hyperparameters, Lora, train
from umit.training.adapters import Adapter

pytest.importorskip("peft")
SAMPLES = [sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id]
SETTINGS = Hyperparameters(steps=4, learning_rate=1e-2, warmup=1, log_every=1)
ONE = replace(SETTINGS, steps=1, warmup=0)
IDS = torch.arange(20, 60)[None]
PARTS = ("adapter_config.json", "adapter_model.safetensors")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


def taught_in(folder: Path, start: Path | str, lora: Lora, **more: Any) -> Path:
    words = {"settings": SETTINGS, "batch": 2, "plain": True, **more}
    out = train(SAMPLES, model=start, out=folder, lora=lora, **words)
    assert out is not None
    return out


@pytest.fixture(scope="module")
def adapter(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter on the tiny checkpoint."""
    return taught_in(tmp_path_factory.mktemp("out") / "mine", start, Lora(rank=4))


def logits(place: Path) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = load_engine(place, device="cpu").model(input_ids=IDS).logits
    return found


def test_an_adapter_loads_by_itself(start: Path, adapter: Path) -> None:
    assert all((adapter / name).is_file() for name in PARTS)
    assert not (adapter / "config.json").exists() and not [*adapter.glob("model*.safetensors")]
    config = json.loads((adapter / PARTS[0]).read_text("utf-8"))
    assert (config["base_model_name_or_path"], config["r"], config["lora_alpha"]) == (str(start), 4, 16)
    names = [*load_file(adapter / PARTS[1])]
    assert names and all(".language_model.layers." in name for name in names)
    model = UMIT.from_pretrained(adapter)
    assert model.checkpoint.name == "mine"
    assert not torch.allclose(logits(adapter), logits(start), atol=1e-2)
    assert load_shell(adapter)[0].num_parameters() == load_shell(start)[0].num_parameters()
    assert all(p.requires_grad for p in load_engine(adapter).model.parameters()), "it can be taught further"
    readme = (adapter / "README.md").read_text("utf-8")
    assert 'library_name: "peft"' in readme and "Model Card for" not in readme and "Research use only" in readme


def test_plain_peft_and_merged_weights_answer_alike(start: Path, adapter: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    plain = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(start, dtype="float32"), adapter)
    with torch.inference_mode():
        theirs = plain.eval()(input_ids=IDS).logits
        found = AutoModelForImageTextToText.from_pretrained(adapter, dtype="float32").eval()(input_ids=IDS).logits
    shutil.copytree(adapter / "state", tmp_path / "whole" / "state")
    whole = taught_in(tmp_path / "whole", start, Lora(rank=4, merge=True))
    assert not any((whole / name).exists() for name in PARTS)
    check_as_on_hub(whole)
    for mine in (logits(adapter), logits(whole), found):
        torch.testing.assert_close(mine, theirs, atol=1e-5 * float(theirs.abs().max()), rtol=0)
    assert type(AutoProcessor.from_pretrained(adapter)).__name__ == "Qwen2VLProcessor"


def test_a_stopped_call_goes_on_and_only_the_adapter_trains(start: Path, adapter: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    def stop(step: int, loss: float) -> bool:
        seen.append(step)
        return step < 2

    words = {"model": start, "out": tmp_path / "mine", "settings": SETTINGS, "batch": 2, "plain": True}
    assert train(SAMPLES, lora=Lora(rank=4), tell=stop, **words) is None
    (state,) = (tmp_path / "mine" / "state" / "instruct").glob("checkpoint-*/state.pt")
    assert all("lora_" in name for name in torch.load(state, weights_only=True)["model"])
    out = train(SAMPLES, lora=Lora(rank=4), **words)
    assert out is not None
    ours, theirs = load_file(out / PARTS[1]), load_file(adapter / PARTS[1])
    assert ours.keys() == theirs.keys()
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)
    with pytest.raises(InputError, match="differs in lora"):
        train(SAMPLES, lora=Lora(rank=2), **words)
    with pytest.raises(InputError, match="differs in lora"):
        train(SAMPLES, **words)


@pytest.mark.slow
def test_trl_trains_the_same(start: Path, adapter: Path, tmp_path: Path) -> None:
    ours = load_file(taught_in(tmp_path / "mine", start, Lora(rank=4), plain=False) / PARTS[1])
    theirs = load_file(adapter / PARTS[1])
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in ours)


def test_both_stages_and_the_vision_encoder(start: Path, tmp_path: Path) -> None:
    lora = Lora(rank=2, vision=True)
    with pytest.raises(InputError, match="stage that trains the vision encoder"):
        taught_in(tmp_path / "none", start, lora)
    out = taught_in(tmp_path / "mine", start, lora, stage=(ALIGN, INSTRUCT), settings=ONE)
    tensors = load_file(out / PARTS[1])
    moved = {name for name, one in tensors.items() if "lora_B" in name and one.any()}
    assert any("visual.blocks" in name for name in moved) and any("language_model" in name for name in moved)
    assert not any("merger" in name for name in tensors)


def test_an_adapter_on_an_adapter(adapter: Path, tmp_path: Path) -> None:
    out = taught_in(tmp_path / "more", adapter, Lora(rank=2), settings=ONE)
    assert not torch.allclose(logits(out), logits(adapter), atol=1e-3)
    shutil.move(out / PARTS[0], tmp_path / PARTS[0])
    config = json.loads((tmp_path / PARTS[0]).read_text("utf-8"))
    (out / PARTS[0]).write_text(json.dumps({**config, "base_model_name_or_path": str(tmp_path / "ring")}))
    ring = shutil.copytree(out, tmp_path / "ring")
    (ring / PARTS[0]).write_text(json.dumps({**config, "base_model_name_or_path": str(out)}))
    with pytest.raises(CheckpointError, match="adapters in a circle"):
        load_engine(ring)


def test_both_moved_together_load(start: Path, adapter: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(adapter, tmp_path / "mine")
    config = json.loads((moved / PARTS[0]).read_text("utf-8"))
    (moved / PARTS[0]).write_text(json.dumps({**config, "base_model_name_or_path": "/elsewhere/tiny"}))
    with pytest.raises(CheckpointError, match=r"base of the adapter 'mine', the folder 'tiny', found none"):
        load_engine(moved)
    shutil.copytree(start, tmp_path / "tiny")
    torch.testing.assert_close(logits(moved), logits(adapter))


def test_another_base_is_refused(start: Path, adapter: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(adapter, tmp_path / "mine")
    config = json.loads((moved / PARTS[0]).read_text("utf-8"))

    def on(base: Path | str) -> Path:
        (moved / PARTS[0]).write_text(json.dumps({**config, "base_model_name_or_path": str(base)}))
        return moved

    with pytest.raises(CheckpointError, match="'other' holds other weights"):
        load_engine(on(tiny_checkpoint(tmp_path / "other", seed=1)))
    with pytest.raises(CheckpointError, match=f"{EMBEDDED!r} holds other weights"):
        load_engine(on(EMBEDDED))
    save_file(load_file(moved / PARTS[1]), moved / PARTS[1])  # as other programs write it: nothing tells the base
    with pytest.raises(CheckpointError, match=f"fits its base {EMBEDDED!r}.*tensors do not"):
        load_engine(on(EMBEDDED))
    tensors = load_file(moved / PARTS[1])
    save_file({name: one for name, one in tensors.items() if "q_proj" not in name}, moved / PARTS[1])
    with pytest.raises(CheckpointError, match=r"q_proj.*none in adapter_model"):
        load_engine(on(start))
    (moved / PARTS[1]).write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="damaged safetensors"):
        load_engine(on(start))
    (moved / PARTS[1]).unlink()
    with pytest.raises(CheckpointError, match=r"found no adapter_model\.safetensors"):
        load_engine(on(start))
    (moved / PARTS[0]).write_text("{")
    with pytest.raises(CheckpointError, match=r"expected JSON in adapter_config\.json"):
        load_engine(moved)


def test_without_peft_the_command_is_told(
    start: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtraError, match=r'pip install "umit\[lora\]"'):
        UMIT.from_pretrained(adapter)
    with pytest.raises(MissingExtraError, match=r'pip install "umit\[lora\]"'):
        taught_in(tmp_path / "mine", start, Lora())
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rank": 0}, "rank of 1"), ({"alpha": 0}, "alpha of 1"), ({"dropout": 1.0}, "below 1"),
        ({"targets": "("}, "regular expression"), ({"bits": 3}, "4 or 8 bits"),
        ({"bits": 4, "merge": True}, "adapter of its own"),
    ],
)  # fmt: skip
def test_what_is_no_lora_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Lora(**wrong)


def test_targets_that_match_nothing_are_refused(start: Path) -> None:
    with pytest.raises(InputError, match=r"matches none.*language_model"):
        Adapter(load_shell(start)[0], Lora(targets="q_proj"), seed=0)


@pytest.mark.filterwarnings("ignore:MatMul8bitLt")  # bitsandbytes says that float32 is cast
@pytest.mark.parametrize(("bits", "plain"), [(4, True), (8, True), pytest.param(4, False, marks=pytest.mark.slow)])
def test_an_adapter_over_quantised_weights(start: Path, tmp_path: Path, bits: int, plain: bool) -> None:
    pytest.importorskip("bitsandbytes", reason="without bitsandbytes nothing is quantised")
    lora = Lora(rank=4, bits=bits)
    out = taught_in(tmp_path / "whole", start, lora, plain=plain)
    assert not torch.equal(logits(out), logits(start)), "it learned, and loads over the whole weights"
    # Stopped and gone on, it comes to the same.
    stop = taught_until(tmp_path / "cut", start, lora, step=2, plain=plain)
    assert stop is None
    again = taught_in(tmp_path / "cut", start, lora, plain=plain)
    one, other = (load_file(folder / PARTS[1]) for folder in (out, again))
    assert one.keys() == other.keys() and all(torch.allclose(one[k], other[k], atol=1e-6) for k in one)
    assert any(k.endswith("lora_B.weight") and one[k].abs().max() > 0 for k in one)


def taught_until(folder: Path, start: Path, lora: Lora, *, step: int, plain: bool) -> Path | None:
    return train(
        SAMPLES, model=start, out=folder, lora=lora, settings=SETTINGS, batch=2, plain=plain,
        tell=lambda made, loss: made < step,
    )  # fmt: skip
