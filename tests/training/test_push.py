"""A checkpoint goes to a hub that runs here: its own files, to a private repository, with a card that the hub reads."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from huggingface_hub import ModelCard, constants

from umit.checkpoints import PHANTOM, read_card
from umit.cli import main
from umit.errors import CheckpointError, InputError
from umit.phantom.samples import Phantoms
from umit.testing import tiny_checkpoint
from umit.training import Hyperparameters, Lora, train
from umit.training.push import push_to_hub

SAMPLES = [sample for sample in Phantoms(first=0, count=3, languages=("en",)) if "film" in sample.id]
SETTINGS = Hyperparameters(steps=1, learning_rate=1e-2, warmup=0, log_every=1)


class Hub(BaseHTTPRequestHandler):
    """What huggingface_hub asks while it uploads small files; keeps them."""

    repositories: ClassVar[dict[str, bool]] = {}
    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        name = self.path.removeprefix("/api/models/").partition("?")[0]
        self._reply({"id": name, "private": self.repositories[name], "siblings": [], "tags": []})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
            if name == "me/forbidden":
                return self._reply({"error": "not yours"}, 403)
            self.repositories.setdefault(name, bool(asked.get("private") or asked.get("visibility") == "private"))
            return self._reply({"url": f"{constants.ENDPOINT}/{name}"})
        if path == "/api/validate-yaml":
            return self._reply({"errors": [], "warnings": []})
        if path.endswith("/preupload/main"):
            files = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False, "oid": None}
                     for f in json.loads(body)["files"]]  # fmt: skip
            return self._reply({"files": files})
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        self._reply(
            {
                "commitUrl": f"{constants.ENDPOINT}/{path.split('/models/')[1].partition('/commit')[0]}/commit/1",
                "commitOid": "1",
                "success": True,
            }
        )

    def _reply(self, value: Any, status: int = 200) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hub]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Hub.repositories, Hub.files = {}, {}
    yield Hub
    server.shutdown()


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("start") / "tiny", card=PHANTOM)


def test_the_checkpoint_alone_goes(start: Path, tmp_path: Path, hub: type[Hub], capsys: Any) -> None:
    out = train(SAMPLES, model=start, out=tmp_path / "mine", settings=SETTINGS, batch=1, plain=True, licence="mit")
    assert out is not None
    (out / "validation").mkdir()
    (out / "validation" / "config.json").write_text("of a patient")
    (out / "notes.txt").write_text("of a patient")
    assert main(["push", str(out), "me/mine"]) == 0
    assert hub.repositories == {"me/mine": True}
    assert set(hub.files) == {
        "README.md", "umit.json", "training.json", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "preprocessor_config.json",
        "processor_config.json", "video_preprocessor_config.json",
    }  # fmt: skip
    for name, data in hub.files.items():
        assert str(tmp_path).encode() not in data and b"of a patient" not in data, name
    there = tmp_path / "there"
    there.mkdir()
    for name, data in hub.files.items():
        (there / name).write_bytes(data)
    card = ModelCard.load(there / "README.md")
    said = card.data.to_dict()
    assert (said["license"], said["library_name"]) == ("mit", "transformers")
    assert (said["pipeline_tag"], said["language"]) == ("image-text-to-text", ["en"])
    assert read_card(there) == read_card(out)


def test_what_others_could_not_load_stays(start: Path, tmp_path: Path, hub: type[Hub]) -> None:
    with pytest.raises(CheckpointError, match=r"expected umit\.json"):
        push_to_hub(tmp_path, "me/mine")
    out = train(SAMPLES, model=start, out=tmp_path / "mine", settings=SETTINGS, lora=Lora(), batch=1, plain=True)
    assert out is not None
    with pytest.raises(CheckpointError, match="'tiny', a folder of this machine"):
        push_to_hub(out, "me/mine")
    with pytest.raises(InputError, match="expected a name such as"):
        push_to_hub(start, "a/b/c")
    hub.repositories["me/open"] = False
    with pytest.raises(InputError, match="'me/open' is public"):
        push_to_hub(start, "me/open")
    with pytest.raises(CheckpointError, match="to take 'me/forbidden'"):
        push_to_hub(start, "me/forbidden")
    assert not hub.files
    push_to_hub(start, "me/open", private=False)
    assert "umit.json" in hub.files
