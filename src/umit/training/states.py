"""The states of a run on disk: each is whole or not there, and each is of this run and no other."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from umit.engine.load import fingerprint
from umit.errors import CheckpointError, CheckpointWarning, DatasetWarning
from umit.training.hyperparameters import Hyperparameters
from umit.training.processes import gathered, of_first, processes

__all__ = ["States"]

_RUN: Final = "run.json"
_KEPT: Final = 2  # the newest, and one to fall back to
#: Settings that change neither weights nor losses.
_FREE: Final = ("save_every", "log_every", "workers", "checkpointing")
#: What a batch's picture_keys stand for.
_OF_KEYS: Final = ("pixel_values", "picture_known", "picture_features")


@dataclass(frozen=True, slots=True)
class _Mark:
    """What is written behind a state when it is whole."""

    step: int
    sha256: str
    weights: str  # a model that stayed in memory has these
    data: tuple[str, ...]  # of the step's batch, in each process


class States:
    """The states of one run in a folder of their own; all processes make the same calls.

    Args:
        folder: Where they are; it holds nothing else.
        module: What trains, with the weights that it begins with.
        settings: How long and how fast.
    """

    def __init__(self, folder: Path, module: nn.Module, settings: Hyperparameters) -> None:
        self.folder, self.module = folder, module
        trained = [name for name, p in module.named_parameters() if p.requires_grad]
        kept = {name: v for name, v in asdict(settings).items() if name not in _FREE}
        self.run = {
            **kept,
            "processes": processes()[1],
            "trained parameters": hashlib.sha256(" ".join(trained).encode()).hexdigest(),
            "start weights": fingerprint(module),
        }

    def load(self, prepare: Callable[[int], Mapping[str, Tensor]]) -> dict[str, Any] | None:
        """Return the newest whole state, or ``None`` to begin.

        Args:
            prepare: The batch of a step; that of the state's last step is asked for and compared.

        Raises:
            CheckpointError: The folder holds another run, or something else.
        """
        found = of_first(self._look())
        if isinstance(found, CheckpointError):
            raise found
        mark, broken = found
        if mark is not None and tuple(gathered(_digest(prepare(mark.step - 1)))) != mark.data:
            raise self._refusal([f"other data in step {mark.step}"])
        if processes()[0] == 0:
            self._clear(mark, broken)
        if mark is None:
            return None
        state: dict[str, Any] = torch.load(self._file(mark.step), map_location="cpu", weights_only=True)
        return state

    def check_shares(self, batch: Mapping[str, Tensor]) -> None:
        """Warn where every process trains on the same rows, so that all but one are in vain."""
        if processes()[1] > 1 and len({*gathered(_digest(batch))}) == 1 and processes()[0] == 0:
            warnings.warn(
                f"all {processes()[1]} processes train on the same rows in the first step; give each its share, "
                "rows[number::count] with (number, count) of umit.training.loop.processes()",
                DatasetWarning,
                stacklevel=4,
            )

    def save(self, step: int, state: Mapping[str, Any], batch: Mapping[str, Tensor]) -> None:
        """Write a state; a marker with its hash is written last, then the oldest goes.

        Raises:
            CheckpointError: It cannot be written; the states before it stay.
        """
        data = tuple(gathered(_digest(batch)))
        if processes()[0] > 0:
            return
        path = self._file(step)
        try:
            _write(path, lambda part: torch.save(dict(state), part))
            mark = _Mark(step, _sha256(path), fingerprint(self.module), data)
            text = json.dumps(asdict(mark))
            _write(path.with_suffix(".json"), lambda part: part.write(text.encode()))
        except (OSError, RuntimeError) as error:  # torch's own writer raises RuntimeError
            path.unlink(missing_ok=True)
            free = shutil.disk_usage(self.folder).free // 2**20
            raise CheckpointError(
                f"expected to write the state of step {step} into {self.folder.name!r}, got: {error}. {free} MiB are "
                "free there, and the state before it is whole: make room, and give the same call again"
            ) from error
        for old in self._steps()[:-_KEPT]:
            self._delete(old)

    def _look(self) -> tuple[_Mark | None, list[int]] | CheckpointError:
        """Return the newest whole state and those behind it that are not; nothing is written."""
        if processes()[0] > 0:
            return None, []
        path = self.folder / _RUN
        if not path.is_file():
            others = [p.name for p in _listed(self.folder) if not p.name.endswith(".part")]
            if not others:
                return None, []
            return CheckpointError(
                f"expected an empty folder, or the states of a run with {_RUN}, in {self.folder.name!r}, "
                f"found {min(others)!r}; name another folder"
            )
        broken: list[int] = []
        mark = None
        for step in reversed(self._steps()):
            mark = self._mark(step)
            if mark is not None:
                break
            broken.append(step)
        try:
            run = dict(json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError):
            run = {}  # damaged: nothing says that it is this run
        if mark is not None and self.run["start weights"] == mark.weights:
            run["start weights"] = mark.weights
        differing = [
            f"other {name}" if " " in name else f"{name} {run.get(name)} then, {value} now"
            for name, value in self.run.items()
            if run.get(name) != value
        ]
        return self._refusal(differing) if differing else (mark, broken)

    def _refusal(self, differing: list[str]) -> CheckpointError:
        return CheckpointError(
            f"expected the run whose states are in {self.folder.name!r}, got another: {'; '.join(differing)}. "
            "Name another folder, or delete this one to begin anew"
        )

    def _clear(self, mark: _Mark | None, broken: list[int]) -> None:
        """Make the folder ready to go on, and say what of it is lost."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in self.folder.glob("*.part"):
            part.unlink()
        if not (self.folder / _RUN).is_file():
            text = json.dumps(self.run, indent=2)
            _write(self.folder / _RUN, lambda part: part.write(text.encode()))
        for step in broken:
            self._delete(step)
        if broken:
            goes = f"goes on from step {mark.step}" if mark else "begins anew"
            warnings.warn(
                f"{self.folder.name}: the state of step {max(broken)} is damaged, or was cut off while it was "
                f"written; training {goes}",
                CheckpointWarning,
                stacklevel=5,
            )

    def _mark(self, step: int) -> _Mark | None:
        """Return a state's marker if the state is whole."""
        path = self._file(step)
        try:
            mark = _Mark(**json.loads(path.with_suffix(".json").read_text("utf-8")))
            whole = mark.sha256 == _sha256(path)
        except (OSError, ValueError, TypeError):
            return None
        return _Mark(mark.step, mark.sha256, mark.weights, tuple(mark.data)) if whole else None

    def _file(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.pt"

    def _steps(self) -> list[int]:
        files = (*self.folder.glob("step-*.pt"), *self.folder.glob("step-*.json"))
        return sorted({int(path.stem.removeprefix("step-")) for path in files})

    def _delete(self, step: int) -> None:
        path = self._file(step)
        path.with_suffix(".json").unlink(missing_ok=True)  # first: without it the state is none
        path.unlink(missing_ok=True)


def _listed(folder: Path) -> list[Path]:
    return [p for p in folder.iterdir() if p.name[0] != "."] if folder.is_dir() else []


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(batch: Mapping[str, Tensor]) -> str:
    """Tell a batch from others by every number in it; a picture with a key by that, in whatever form it came."""
    digest = hashlib.sha256()
    of_keys = _OF_KEYS if "picture_keys" in batch else ()
    for name, tensor in sorted(batch.items()):
        if name in of_keys:
            continue
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
