"""What both loops do around a step: go on from a state, log, save, and stop where a number is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from umit.errors import BackendError, CheckpointError, DatasetError
from umit.training.hyperparameters import Hyperparameters, optimizer_and_schedule
from umit.training.kinds import KindLosses
from umit.training.processes import agree, gathered, processes, synchronize
from umit.training.shards import Shards
from umit.training.states import States, Write

__all__ = ["END", "Progress", "Tell", "enough_memory"]

END: Final = "end"
#: Called with step and mean loss every ``log_every`` steps; returning ``False`` saves and stops, so that a later call
#: goes on, and :data:`END` saves and is the stage's end for later calls too.
Tell: TypeAlias = Callable[[int, float], bool | Literal["end"]]


class Progress:
    """Where a run stands.

    Args:
        module: What trains; already on its device.
        settings: How long and how fast.
        folder: Where states are written and looked for.
        tell: Called with step and loss.
        names: Of the rows of a step, for an error.
        device: Where steps are made; ``None`` for where the module is.
        write: Called to write a checkpoint that loads into the folder of each state.
        kinds: Sums that go into each state.
    """

    #: Shown on a terminal only.
    bar: Any = tqdm(disable=True)
    #: Where an engine cuts what trains into shards.
    shards: Shards | None = None

    def __init__(
        self,
        module: nn.Module,
        *,
        settings: Hyperparameters,
        folder: Path,
        tell: Tell | None = None,
        names: Callable[[int], Sequence[str]] | None = None,
        device: torch.device | None = None,
        write: Write | None = None,
        kinds: KindLosses | None = None,
    ) -> None:
        self.device = device or next(module.parameters()).device
        self.module, self.settings, self.tell, self.names = module, settings, tell, names
        synchronize(module)
        self.states = States(folder, module, settings, write)
        self.optimizer, self.schedule = optimizer_and_schedule(module, settings)
        #: The mean loss of each log interval of this call.
        self.losses: list[float] = []
        self._since: list[Tensor] = []  # loss and gradient norm of each step since the last log
        self._random: list[Tensor] | None = None
        self._kinds = kinds or KindLosses()

    def begin(self, prepare: Callable[[int], Mapping[str, Tensor]]) -> int:
        """Return how many steps are made, with weights, optimizer and schedule as they were then.

        A stage that came to its end before its last step counts as whole.

        Raises:
            CheckpointError: Weights to begin with that are no numbers.
            InputError: The folder holds another run, or something else.
        """
        state = self.states.load(prepare)
        if state is None:
            self._refuse_no_numbers()
            seed = self.settings.seed + processes()[0]
            kinds = {"cpu", self.device.type} & {"cpu", "cuda"}
            self._random = [torch.Generator(kind).manual_seed(seed).get_state() for kind in sorted(kinds)]
            self._show(0)
            return 0
        wrong = self.module.load_state_dict(state["model"], strict=False)
        if wrong.unexpected_keys or {*wrong.missing_keys} - self._frozen():
            raise CheckpointError("expected a state of this module, got one with other parameters")
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._since = [pair.to(self.device) for pair in state["since"]]
        self._random = state["random"][processes()[0]]
        if "kinds" in state:  # states of earlier versions have none
            self._kinds.load(state["kinds"], first=processes()[0] == 0)
        made = int(state["step"])
        if state.get("ended") or made == self.settings.steps:
            self.states.finish(made)
            return self.settings.steps
        self._show(made)
        return made

    def _show(self, start: int) -> None:
        """Begin a bar on a terminal, of the first process."""
        hidden = None if processes()[0] == 0 else True
        known = {"total": self.settings.steps, "initial": start, "unit": "step", "desc": self.states.folder.name}
        self.bar = tqdm(**known, disable=hidden, dynamic_ncols=True)

    def _refuse_no_numbers(self) -> None:
        """Refuse weights of which every loss would be no number, whatever the rows are."""
        named = self.module.named_parameters()
        if broken := next((name for name, p in named if not p.is_meta and not p.isfinite().all()), None):
            raise CheckpointError(
                f"expected weights to begin with that are numbers, got NaN or infinity in {broken}; take others"
            )

    def before(self) -> None:
        """Set the random state that the next step would have had, once, when loaders have drawn from theirs."""
        if self._random is not None:
            torch.set_rng_state(self._random[0])
            if len(self._random) > 1:
                torch.cuda.set_rng_state(self._random[1])
            self._random = None

    def after(self, step: int, batch: Mapping[str, Tensor], loss: Tensor, norm: Tensor) -> bool:
        """Log and save where a step calls for it, and return whether to stop.

        Args:
            step: How many are made with this one.
            batch: What it trained on.
            loss: Its loss, a scalar.
            norm: The norm of its gradients before they were clipped.

        Raises:
            DatasetError: Loss or gradients are no finite numbers; nothing of that is saved.
        """
        if step == 1:
            self.states.check_shares(batch)
        # Not floats yet: asking for one would wait for a GPU.
        self._since.append(torch.stack([loss.detach().float(), norm.detach().float()]))
        last = step == self.settings.steps
        logs, saves = last or step % self.settings.log_every == 0, step % self.settings.save_every == 0
        if logs or saves or loss.device.type == "cpu":
            self._check(step)
        self.bar.update()
        if last:  # before `tell`, which may validate, and fail
            self._save(step, batch)
        stop = ended = False
        if logs:
            self.losses.append(float(torch.stack(self._since)[:, 0].cpu().double().mean()))
            self._since.clear()
            stop, ended = self._told(step)
        if (stop or saves) and not last:
            self._save(step, batch, ended=ended)
        if ended or last:
            self.states.finish(step)
        if stop or last:
            self.bar.close()
        return stop

    def _told(self, step: int) -> tuple[bool, bool]:
        """Return whether to stop here, and whether for good."""
        self.bar.set_postfix_str(f"loss {self.losses[-1]:.4f}", refresh=False)
        self.bar.clear()  # what is printed now would stand in its line
        with self.shards.looked_at() if self.shards and self.tell else nullcontext():
            word = self.tell is None or self.tell(step, self.losses[-1])
        self.bar.refresh()
        return agree(not word or word == END), agree(word == END)

    def _save(self, step: int, batch: Mapping[str, Tensor], *, ended: bool = False) -> None:
        with self.shards.looked_at() if self.shards else nullcontext():
            if self.shards is not None:
                self.shards.gather_optimizer()
            self.states.save(step, {**self._state(step), "ended": ended}, batch)

    def _check(self, step: int) -> None:
        finite = torch.stack(self._since).isfinite().all(1).tolist()
        if all(finite):
            return
        place = step - len(finite) + finite.index(False)  # counted from 0, as batches are
        loss, norm = self._since[finite.index(False)].tolist()
        rows = ""
        if self.names is not None:
            try:
                parts = range(place * self.settings.accumulate, (place + 1) * self.settings.accumulate)
                rows = ", ".join(filter(None, chain.from_iterable(map(self.names, parts))))
            except DatasetError:  # a stream that cannot be passed over again
                rows = ""
        raise DatasetError(
            f"expected a finite loss, step {place + 1} has loss {loss:g} and gradient norm {norm:g}; its rows: "
            f"{rows or f'those of step number {place} from 0'}. States before it stay; look at these rows, or take "
            "a lower learning_rate in another folder"
        )

    def _frozen(self) -> set[str]:
        # Tied weights under both names; what quantised weights keep beside their numbers is in the state alone.
        named = dict(self.module.named_parameters(remove_duplicate=False))
        beside = self.module.state_dict().keys() - named.keys() - dict(self.module.named_buffers()).keys()
        return {name for name, p in named.items() if not p.requires_grad} | beside

    def _state(self, step: int) -> dict[str, Any]:
        frozen, own = self._frozen(), [torch.get_rng_state()]
        if self.device.type == "cuda":
            own.append(torch.cuda.get_rng_state())
        return {
            "step": step,
            "model": {n: v for n, v in self.module.state_dict().items() if n not in frozen},
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "since": [pair.cpu() for pair in self._since],
            "random": gathered(own),
            "kinds": self._kinds.state(),
        }


@contextmanager
def enough_memory() -> Iterator[None]:
    """Say what to change where a step does not fit into memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # torch raises a class of its own for GPUs only.
        if not isinstance(error, (MemoryError, torch.OutOfMemoryError)) and ("DefaultCPUAllocator" not in str(error)):
            raise
        raise BackendError(
            "expected room for one training step, memory ran out; take fewer samples a step (batch=) or fewer "
            "questions a row, bf16=True, a stage whose vision encoder is frozen, or a smaller model",
            engine="training",
        ) from error
