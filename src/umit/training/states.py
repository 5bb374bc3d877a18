"""The states of a run on disk: each is whole or not there, and each is of this run and no other."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from umit.checkpoints import CARD
from umit.engine.load import fingerprint
from umit.errors import CheckpointError, CheckpointWarning, DatasetWarning, UMITError
from umit.training.claim import RUN, another_run, claim, claimed
from umit.training.hyperparameters import Hyperparameters
from umit.training.processes import gathered, of_first, processes
from umit.whole import MARKER, seal, sealed, whole, whole_folder

__all__ = ["States", "Write", "room_on_disk"]

#: Writes what loads by itself into a folder.
Write = Callable[[Path], None]
_STATE: Final = "state.pt"
_NAME: Final = "checkpoint-"
_KEPT: Final = 2  # the newest, and one to fall back to
#: Settings that change neither weights nor losses.
_FREE: Final = ("save_every", "log_every", "workers", "checkpointing", "report_to")
#: What a batch's picture_keys stand for.
_OF_KEYS: Final = ("pixel_values", "picture_known", "picture_features")


class States:
    """The states of one run in a folder of their own; all processes make the same calls.

    Each is a folder ``checkpoint-N`` after N steps: what goes on, beside a checkpoint that loads where one is
    written, and last a marker with the hash of every file.

    Args:
        folder: Where they are; it holds nothing else.
        module: What trains, with the weights that it begins with.
        settings: How long and how fast.
        write: Called to write a checkpoint that loads.
    """

    def __init__(
        self, folder: Path, module: nn.Module, settings: Hyperparameters, write: Write | None = None
    ) -> None:  # fmt: skip
        self.folder, self.module, self.write = folder, module, write
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
            CheckpointError: No state is whole any more, and none can be begun anew.
            InputError: The folder holds another run, or something else.
        """
        found = of_first(self._look())
        if isinstance(found, UMITError):
            raise found
        mark, broken = found
        if mark is not None and gathered(_digest(prepare(mark["step"] - 1))) != mark["data"]:
            raise another_run(self.folder, [f"the data of step {mark['step']}"])
        if processes()[0] == 0:
            self._drop(mark, broken)
        if mark is None:
            return None
        file = self._at(mark["step"]) / _STATE
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
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
        """Write a state; then the oldest goes.

        Raises:
            CheckpointError: It cannot be written; the states before it stay.
        """
        data = gathered(_digest(batch))
        if processes()[0] > 0:
            return
        with room_on_disk(self.folder, f"the state of step {step}"), whole_folder(self._at(step)) as here:
            torch.save(dict(state), here / _STATE)
            if self.write is not None:
                self.write(here)
            seal(here, {"step": step, "weights": fingerprint(self.module), "data": data})
        for old in self._saved()[:-_KEPT]:
            shutil.rmtree(self._at(old), ignore_errors=True)

    def finish(self, step: int) -> None:
        """Let the run's folder load as its last state does: by the same files, linked where the disk can."""
        if processes()[0] > 0 or self.write is None:
            return
        last = self._at(step)
        with room_on_disk(self.folder, "the finished checkpoint"), whole(self.folder / CARD) as here:
            names = sorted(path.name for path in last.iterdir() if path.name not in (_STATE, MARKER))
            for name in names:
                try:
                    (here / name).hardlink_to(last / name)
                except OSError:  # a file system without links
                    shutil.copyfile(last / name, here / name)

    def _look(self) -> tuple[dict[str, Any] | None, list[int]] | UMITError:
        """Return the marker of the newest whole state and the steps behind it that are not; claim the folder."""
        if processes()[0] > 0:
            return None, []
        broken: list[int] = []
        mark = None
        for step in reversed(self._saved()):
            mark = sealed(self._at(step))
            if mark is not None:
                break
            broken.append(step)
        try:
            before = claimed(self.folder / RUN) or {}
            if mark is not None and self.run["start weights"] == mark["weights"]:  # they stayed in memory
                self.run["start weights"] = before.get("start weights", "")
            claim(self.folder, self.run)
        except UMITError as error:
            return error
        return mark, broken

    def _drop(self, mark: dict[str, Any] | None, broken: list[int]) -> None:
        """Delete states that are not whole, and say so."""
        for step in broken:
            shutil.rmtree(self._at(step), ignore_errors=True)
        if broken:
            goes = f"goes on from step {mark['step']}" if mark else "begins anew"
            warnings.warn(
                f"{self.folder.name}: the state of step {max(broken)} is damaged, or was cut off while it was "
                f"written; training {goes}",
                CheckpointWarning,
                stacklevel=5,
            )

    def _at(self, step: int) -> Path:
        return self.folder / f"{_NAME}{step}"

    def _saved(self) -> list[int]:
        numbers = (path.name.removeprefix(_NAME) for path in self.folder.glob(f"{_NAME}*"))
        return sorted(int(number) for number in numbers if number.isdecimal())


@contextmanager
def room_on_disk(folder: Path, what: str) -> Iterator[None]:
    """Say what to do where something cannot be written.

    Raises:
        CheckpointError: Why, and how much is free.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's own writer raises RuntimeError
        free = shutil.disk_usage(folder).free // 2**20
        raise CheckpointError(
            f"expected to write {what} into {folder.name!r}, got: {error}. {free} MiB are free there, and what was "
            "written before is whole: make room, and give the same call again"
        ) from error


def _digest(batch: Mapping[str, Tensor]) -> str:
    """Tell a batch from others by every number in it; a picture with a key by that, in whatever form it came."""
    digest = hashlib.sha256()
    of_keys = _OF_KEYS if "picture_keys" in batch else ()
    for name, tensor in sorted(batch.items()):
        if name in of_keys:
            continue
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        whole = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)  # one number may be spread
        digest.update(whole.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
