"""Weights in every layout that is out there, and what is said when they do not load."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import umit
from umit import UMIT
from umit.engine.load import load_engine
from umit.errors import CheckpointError, CheckpointWarning, InputError, OutputError
from umit.testing import tiny_checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("older"), hub_layout=True, card=None)


def test_older_layout_gives_the_same_weights(folder: Path, older: Path) -> None:
    assert "text_config" not in json.loads((older / "config.json").read_text())
    new, old = load_engine(folder, device="cpu"), load_engine(older, device="cpu")
    weights = old.model.state_dict()
    for name, values in new.model.state_dict().items():
        assert torch.equal(values, weights[name]), name
    words = ("Is there a nodule? 图像 <|im_end|>",)
    assert new.encoder.ids(words) == old.encoder.ids(words)
    rope = old.model.config.text_config.rope_parameters
    assert (rope["rope_type"], rope["mrope_section"]) == ("default", [2, 3, 3])


@pytest.mark.slow  # from files to answers
def test_older_layout_answers_all_five_verbs(older: Path) -> None:
    model = UMIT.from_pretrained(older, card="dz-osamu/UMIT-B", device="cpu")
    film = umit.load(np.full((300, 200), 90, np.uint8), axes="yx")
    volume = umit.load(np.zeros((4, 60, 50), np.int16), axes="zyx", spacing=(5, 1, 1))
    assert model.answer(film, "Is it?", options=["yes", "no"]).option in (0, 1)
    assert model.classify(volume, ["liver", "spleen"]).label in ("liver", "spleen")
    free = [
        lambda: model.answer(film, "What is it?"),
        lambda: model.report([film, film]),
        lambda: model.detect(film, "nodule"),
        lambda: model.detect(volume, "liver", language="zh"),
        lambda: model.landmarks(film, ["Sella", "Gonion"]),
    ]
    for verb in free:  # random words may be no answer, and then say so
        try:
            verb()
        except OutputError as error:
            assert error.text


def test_bfloat16_files_are_computed_in_float32(folder: Path, tmp_path: Path) -> None:
    engine = load_engine(folder, device="cpu", dtype="bfloat16")
    assert engine.model.dtype == engine.dtype == torch.bfloat16
    engine.model.save_pretrained(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    again = load_engine(tmp_path, device="cpu")
    assert again.model.dtype == again.dtype == torch.float32
    assert not again.model.training


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("config.json", "config.json"),
        ("model.safetensors", "safetensors"),
        ("tokenizer.json", "found no tokenizer.json. Copy the missing files"),
    ],
)
def test_missing_files(folder: Path, tmp_path: Path, removed: str, said: str) -> None:
    for path in folder.iterdir():
        if path.name not in (removed, "tokenizer_config.json" if "tok" in removed else ""):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(CheckpointError, match=said):
        load_engine(tmp_path, device="cpu")


def test_damaged_weights(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes()[:10_000])
    for name in ("tokenizer.json", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(CheckpointError, match="damaged safetensors"):
        load_engine(tmp_path, device="cpu")


@pytest.mark.parametrize("error", [TypeError, KeyError, ValueError, RuntimeError])
def test_our_own_faults_do_not_read_as_missing_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fault(*_: object) -> None:
        raise error("a fault of ours")

    monkeypatch.setattr("umit.engine.load.is_small", fault)
    with pytest.raises(error, match="a fault of ours"):
        load_engine(folder, device="cpu")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("qwen3_vl_moe", "got 'qwen3_vl_moe': its layers are mixtures of experts"),
        ("qwen3_5", "linear attention, whose state cannot be shared"),
        ("llava", "expected weights of qwen2_vl, qwen2_5_vl or qwen3_vl .* got 'llava'$"),
        ("qwen2_5_vl", "shapes that config.json describes"),  # whose sizes are then transformers' defaults, of 72B
        ("qwen3_vl", "config.json describes"),
    ],
)
def test_another_architecture(folder: Path, tmp_path: Path, kind: str, said: str) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(CheckpointError, match=said):
        load_engine(tmp_path, device="cpu")


CONFIGS: dict[str, tuple[object, str]] = {
    "a list": ([], "expected weights of qwen2_vl|TypeError"),  # transformers 5.16 reads it before we do
    "nothing": (None, "TypeError"),
    "three layers of two": ({"num_hidden_layers": 3}, "num_hidden_layers"),
    "one layer of two": ({"num_hidden_layers": 1, "layer_types": ["full_attention"]}, "12 tensors are of no layer"),
    "no heads": ({"num_attention_heads": 0}, "expected num_attention_heads that divide the hidden_size 64.*got 0"),
    "words": ({"num_hidden_layers": "two"}, "expected int, got str"),
    "few words": ({"vocab_size": 10}, "AssertionError"),
    "other words": (
        {"vocab_size": 400},
        r"tensors have others.*embed_tokens\.weight: \(334, 64\) in its file, \(400, 64\)",
    ),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_broken_config(folder: Path, tmp_path: Path, case: str) -> None:
    change, said = CONFIGS[case]
    config = json.loads((folder / "config.json").read_text())
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if isinstance(change, dict):
        config["text_config"] |= change
        change = config
    (tmp_path / "config.json").write_text(json.dumps(change))
    with pytest.raises(CheckpointError, match=said) as caught:
        load_engine(tmp_path, device="cpu")
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_pickled_weights_are_not_read(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin, which could run code") as caught:
        load_engine(tmp_path, device="cpu")
    assert str(tmp_path) not in str(caught.value)


def test_incomplete_weights(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights.pop("visual.blocks.0.attn.qkv.weight")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(CheckpointError, match="1 tensors are missing"):
        load_engine(tmp_path, device="cpu")


@pytest.mark.parametrize("source", [Path("nowhere/at/all"), "./nowhere", "a/b/c", ""])
def test_no_such_folder(source: str | Path) -> None:
    with pytest.raises(CheckpointError, match="expected a folder"):
        load_engine(source, device="cpu")


def test_name_that_is_not_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="Check the name and the network"):
        load_engine("nobody/nothing-at-all", device="cpu")


@pytest.fixture
def silent_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """A hub that accepts and never replies, and a disk without copies."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", 0.2)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        yield address


def test_a_hub_that_never_replies_is_not_waited_for(silent_hub: str) -> None:
    started = time.monotonic()
    with pytest.raises(CheckpointError, match=f"{silent_hub} did not answer within 0.2 s"):
        load_engine("somebody/something", device="cpu")
    assert time.monotonic() - started < 5


def test_a_hub_that_is_not_there(silent_hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", closed)
    with pytest.raises(CheckpointError, match="cannot be reached"):
        load_engine("somebody/something", device="cpu")


def test_a_copy_on_the_disk_needs_no_hub(silent_hub: str, folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "models--somebody--something"
    shutil.copytree(folder, kept / "snapshots" / ("a" * 40))
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40)
    assert load_engine("somebody/something", device="cpu").model.dtype == torch.float32


@pytest.mark.parametrize(
    ("setting", "value"),
    [("device", "abacus"), ("device", "meta"), ("device", "xpu"), ("device", "cuda:99"), ("dtype", "int8")],
)
def test_unknown_settings(folder: Path, setting: str, value: str) -> None:
    with pytest.raises(InputError, match=value):
        load_engine(folder, **{setting: value})  # type: ignore[arg-type]


@pytest.mark.slow  # a process with torch for each
@pytest.mark.parametrize("how", ["absent", "broken"])
def test_without_torchvision(folder: Path, tmp_path: Path, how: str) -> None:
    script = textwrap.dedent(
        f"""
        import sys
        class Hidden:
            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] == "torchvision":
                    raise ModuleNotFoundError(name)
        if {how == "absent"}:
            import importlib.util
            find = importlib.util.find_spec
            importlib.util.find_spec = lambda name, *a: None if name == "torchvision" else find(name, *a)
            sys.meta_path.insert(0, Hidden())
        import numpy as np, umit
        film = umit.load(np.zeros((60, 60), np.uint8), axes="yx")
        model = umit.UMIT.from_pretrained({str(folder)!r}, device="cpu")
        print(model.answer(film, "Is it?", options=["yes", "no"]).option)
        assert not [n for n in sys.modules if n.startswith("torchvision.") and sys.modules[n]]
        """
    )
    if how == "broken":
        (tmp_path / "torchvision").mkdir()
        (tmp_path / "torchvision" / "__init__.py").write_text(
            "raise RuntimeError('operator torchvision::nms does not exist')"
        )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() in ("0", "1")


def test_a_model_is_pickled_though_it_was_used(folder: Path) -> None:
    model = UMIT.from_pretrained(folder, device="cpu")
    film = umit.load(np.full((60, 60), 90, np.uint8), axes="yx")
    found = model.answer(film, "Is it?", options=["yes", "no"])
    again = pickle.loads(pickle.dumps(model))
    assert again.answer(film, "Is it?", options=["yes", "no"]).option == found.option


def test_what_is_not_read_is_told(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    there = shutil.copytree(folder, tmp_path / "more")
    weights = there / "model.safetensors"
    save_file({**load_file(weights), "score.weight": torch.zeros(2, 2)}, weights, metadata={"format": "pt"})
    with pytest.warns(CheckpointWarning, match=r"more holds 1 tensors that are not read.*score\.weight"):
        load_engine(there, device="cpu")


def test_an_adapter_beside_and_one_alone_are_told(folder: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (alone / name).write_text("{}")
    with pytest.raises(CheckpointError, match=r"expected base_model_name_or_path in adapter_config\.json of 'alone'"):
        load_engine(alone, device="cpu")
    there = shutil.copytree(folder, tmp_path / "beside")
    (there / "adapter_config.json").write_text("{}")
    with pytest.warns(CheckpointWarning, match="an adapter, which is not read"):
        load_engine(there, device="cpu")
