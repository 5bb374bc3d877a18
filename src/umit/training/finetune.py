"""The door to training: samples go in, a checkpoint comes out, and whether it learned is told on the way."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from umit.checkpoints import Checkpoint, locate
from umit.contradictions import check_factor, warn_of_contradictions
from umit.datasets.dataset import Sample
from umit.datasets.mixture import Mixture
from umit.errors import InputError
from umit.training.adapters import Adapter, Lora
from umit.training.augment import LIGHT, Augmentation
from umit.training.batches import SampleBatches
from umit.training.board import Board
from umit.training.card import RECORD, Made, write_finished, write_weights
from umit.training.claim import RUN, alone, check_out, claim, claimed
from umit.training.defaults import default_settings
from umit.training.hyperparameters import Hyperparameters
from umit.training.kept import Kept
from umit.training.pace import in_minutes
from umit.training.page import PAGE, write_training_page
from umit.training.parts import Part
from umit.training.passed import check, with_sft
from umit.training.stages import INSTRUCT, Stage, train_stage
from umit.training.states import Write
from umit.training.taught import digest, parts_of
from umit.training.validate import Validation

if TYPE_CHECKING:
    from umit.engine.load import Engine

__all__ = ["train"]

#: Settings that change no weight.
_WITHOUT_EFFECT: Final = ("save_every", "log_every", "workers", "checkpointing", "report_to")
#: The run depends on what is in it.
_RUN: Final = f"state/{RUN}"


def train(
    samples: Iterable[Sample[Any, Any]],
    *,
    model: str | Path,
    out: str | Path,
    settings: Hyperparameters | None = None,
    stage: Stage | Sequence[Stage] = INSTRUCT,
    lora: Lora | None = None,
    val: Iterable[Sample[Any, Any]] | float | None = None,
    every: int | None = None,
    patience: int | None = None,
    minutes: float | None = None,
    card: Checkpoint | str | Path | None = None,
    batch: int = 8,
    augment: Augmentation | None = LIGHT,
    plain: bool = False, name: str | None = None,
    tell: Callable[[int, float], bool] | None = None,
    say: Callable[[str], None] | None = None,
    command: str = "umit.training.train(...)", licence: str = "",
    kept: Kept | None = None, sft: Mapping[str, Any] | None = None,
) -> Path | None:  # fmt: skip
    """Teach a checkpoint the samples of any data set; the same call again goes on where it stopped.

    Args:
        samples: A data set or a list; a :class:`~umit.datasets.mixture.Mixture` is streamed.
        model: Weights to begin with: ``"umit-phantom"``, a folder, or a name on the hub.
        out: New folder of the checkpoint; its folder ``state`` holds what a later call needs to go on.
        settings: How long and how fast; ``None`` for three passes at a rate for the model's size.
        stage: What trains, or several stages one after another.
        lora: Teach updates of low rank beside the weights, and not the weights; needs ``umit[lora]``.
        val: Other samples to validate on, or the share of groups to take for it; ``None`` validates nothing.
        every: Steps between validations, besides the first and the last; ``None`` for a quarter of all.
        patience: End a stage after so many validations in a row without a better headline metric; ``None`` never.
        minutes: Take as many steps as are done in so many minutes, measured before the first.
        card: Of the weights, where they have none of their own.
        batch: Samples a batch, over all processes; a step is one, or as many as ``settings.accumulate`` says.
        augment: How pictures are changed while training; ``None`` shows them as they are, as validation always does.
        plain: Train with the loop in plain torch and not with TRL's SFTTrainer; the losses are the same.
        name: Of the new checkpoint, in its card; ``None`` takes the folder's.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.
        say: Called with each figure on the validation part, in words.
        command: What the model card says it was made by.
        licence: Of the new weights, such as ``"cc-by-nc-4.0"``, for their card; ``""`` if you do not tell it.
        kept: Keeps on disk what a frozen vision encoder makes of pictures; stages that train it do without.
        sft: What TRL's SFTConfig offers, by its names, such as ``{"optim": "adafactor"}``; what umit owns is refused.

    Returns:
        The folder of the finished checkpoint, or ``None`` if ``tell`` stopped it before.

    Raises:
        CheckpointError: No weights there, or no card for them.
        DatasetError: No samples, or some that cannot be taught, by file and line; or a patient in both parts.
        InputError: Fewer samples than processes, another run's folder, or features to be kept that every stage trains.
        MissingExtraError: LoRA without peft, or a report without its package.
        UnsupportedTaskError: The checkpoint does not know the task of a sample.
    """
    return _Run(
        samples, model, Path(out), settings, (stage,) if isinstance(stage, Stage) else tuple(stage), lora, val, every,
        patience, minutes, card, batch, augment, plain, name, tell, say or _quiet, command, licence, kept, dict(sft or {}),
    ).go()  # fmt: skip


def _quiet(message: str) -> None:
    """Figures are kept; nobody listens."""


@dataclass(frozen=True)
class _Run:
    """The words of :func:`train`."""

    samples: Iterable[Sample[Any, Any]]
    model: str | Path
    out: Path
    settings: Hyperparameters | None
    stages: tuple[Stage, ...]
    lora: Lora | None
    val: Iterable[Sample[Any, Any]] | float | None
    every: int | None
    patience: int | None
    minutes: float | None
    card: Checkpoint | str | Path | None
    batch: int
    augment: Augmentation | None
    plain: bool
    name: str | None
    tell: Callable[[int, float], bool] | None
    say: Callable[[str], None]
    command: str
    licence: str
    kept: Kept | None
    sft: Mapping[str, Any]

    def go(self) -> Path | None:
        from umit.engine.load import load_engine, load_shell
        from umit.training.processes import first_alone, of_first, processes

        share = processes()
        self._check(share[1])
        check_out(self.out, file=_RUN)
        place, card = locate(self.model, self.card)
        seed = self.settings.seed if self.settings is not None else 0
        encoder = load_shell(place)[1]
        check_factor(card, encoder.family.factor, encoder.family.title)
        taught, asked = parts_of(self.samples, self.val, card, encoder, seed=seed)
        engine = load_engine(place, dtype="float32", bits=None if self.lora is None else self.lora.bits)
        warn_of_contradictions(engine.encoder.tokenizer, card)
        start = engine.fingerprint
        adapter = None if self.lora is None else Adapter(engine.model, self.lora, seed=seed)
        batches = SampleBatches(taught, card, engine.encoder, self.batch, share, seed, self.augment)
        made = Made(
            name=self.name or Path(os.path.realpath(self.out)).name, base=card.name, place=place, source=str(self.model),
            training=taught if isinstance(taught, Part) else None, validation=None,
            settings=self._settled(of_first(self._length(taught, engine, batches))),  # which may be measured
            stages=tuple(one.name for one in self.stages), batch=self.batch, augment=self.augment,
            command=self.command, licence=self.licence, lora=self.lora,
        )  # fmt: skip
        with ExitStack() as until:
            with first_alone() as first:  # nobody writes into a folder that is refused
                if first:
                    until.enter_context(alone(self.out, file=_RUN))
                    claim(self.out, self._depends(start, card, made, taught, asked), file=_RUN)
                    made = replace(made, validation=self._watch(engine, card, made, asked))
            board = Board(self.out / "state") if made.validation is None else made.validation.board
            if not self._teach(engine, batches, made, board, partial(write_weights, engine, card, made, adapter)):
                return None
            with first_alone() as first:  # nobody goes on before it is written
                if first:
                    self._finish(engine, card, made, adapter)
        return self.out

    def _check(self, count: int) -> None:
        """Refuse what no data and no weights could make right; ``count`` processes train together."""
        if self.batch < count:
            raise InputError(
                f"expected at least {count} samples a batch, one a process, got {self.batch}", where="batch"
            )
        if isinstance(self.samples, Mixture) and self.samples.world > 1:
            raise InputError(
                f"expected a whole stream, got one process's share of {self.samples.world}",
                where="samples", hint="Leave rank and world away: each process takes its share of every step",
            )  # fmt: skip
        if self.every is not None and self.every < 1:
            raise InputError(f"expected one step or more between validations, got {self.every}", where="every")
        if self.patience is not None and (self.patience < 1 or self.val is None):
            raise InputError(
                "expected patience of one validation or more, and samples to validate on, got "
                + ("none of these" if self.val is None else f"{self.patience} validations"),
                code="patience", where="patience",
            )  # fmt: skip
        if self.kept is not None and all(stage.vision for stage in self.stages):
            raise InputError(
                "expected a stage with a frozen vision encoder, whose features can be kept, got align alone",
                code="features", where="features", hint="Take stage instruct or both, or keep no features",
            )  # fmt: skip
        if self.lora is not None:
            self.lora.check(self.stages)

    def _length(self, taught: Part | Mixture, engine: Engine, batches: SampleBatches) -> Hyperparameters:
        """Return the settings with their steps: those given, those of the run that goes on, or those that fit."""
        settings, minutes = self.settings, self.minutes
        if settings is None:
            if not isinstance(taught, Part):
                raise InputError("expected settings for a stream, got none", code="length")
            count = sum(p.numel() for p in engine.model.parameters())
            settings = default_settings(taught.seen, batch=self.batch, parameters=count, lora=self.lora is not None)
        if minutes is None:
            return settings
        before = claimed(self.out / _RUN) or {}
        return in_minutes(minutes, settings, before, engine, batches, stages=len(self.stages))

    def _settled(self, settings: Hyperparameters) -> Hyperparameters:
        """Return settings with what SFTConfig calls by its own names."""
        found = with_sft(settings, self.sft)
        check(found, plain=self.plain)
        return found

    def _depends(
        self, start: str, card: Checkpoint, made: Made, taught: Part | Mixture, asked: Part | None
    ) -> dict[str, Any]:
        """What the result depends on; a folder of anything else is refused."""
        said = json.dumps(asdict(card), sort_keys=True)
        length = {k: v for k, v in asdict(made.settings).items() if k not in _WITHOUT_EFFECT}
        return {
            "start weights": start,
            "card": hashlib.sha256(said.encode()).hexdigest(),
            "training data": digest(taught),
            "validation data": None if asked is None else asked.digest,
            "stages": list(made.stages),
            "lora": None if self.lora is None else asdict(replace(self.lora, merge=False)),
            "settings": length,
            "batch": self.batch,
            "augmentation": None if self.augment is None else asdict(self.augment),
            "minutes": self.minutes,
            "patience": self.patience,
        }

    def _watch(self, engine: Engine, card: Checkpoint, made: Made, asked: Part | None) -> Validation | None:
        """Return what validates, the weights asked before their first step."""
        if asked is None:
            return None
        state = self.out / "state"
        taught = made.training or Part((), {})  # beside a stream nothing stands for free
        watch = Validation(
            taught, asked, card, state / "validation", self.say, board=Board(state), seed=made.settings.seed
        )  # fmt: skip
        watch.ask(engine, 0)
        return watch

    def _teach(self, engine: Engine, batches: SampleBatches, made: Made, board: Board, write: Write) -> bool:
        """Train all stages; return whether they came to their end."""
        from umit.training.loop import agree
        from umit.training.progress import END

        settings, watch, stopped = made.settings, made.validation, False
        before = 0
        for number, stage in enumerate(self.stages):
            before = number * settings.steps

            def note(step: int, loss: float, before: int = before) -> bool | Literal["end"]:
                nonlocal stopped
                self._look(engine, made, board, before + step, loss)
                stopped = self.tell is not None and not self.tell(step, loss)
                ended = watch is not None and watch.waited(before, before + step, self.patience)
                return END if ended else not stopped

            if self.kept is not None and stage.vision:
                self.say(f"stage {stage.name} trains the vision encoder: its features are not kept")
            elif self.kept is not None and self.augment is not None:
                self.say("changed pictures are new in each pass: what is kept of them serves within a pass only")
            train_stage(
                engine.model, batches, encoder=engine.encoder, stage=stage, settings=settings,
                folder=self.out / "state" / stage.name, tell=note, plain=self.plain,
                kept=None if stage.vision else self.kept, write=write, board=board,
            )  # fmt: skip
            if agree(stopped):
                return False
        if watch is not None and not watch.waited(before, watch.table.steps[-1], self.patience):
            watch.ask(engine, len(self.stages) * settings.steps)
        return True

    def _look(self, engine: Engine, made: Made, board: Board, step: int, loss: float) -> None:
        """Keep the losses of an interval, and validate where it is time; the last step always is."""
        board.logged(step, loss)
        watch, total = made.validation, len(self.stages) * made.settings.steps
        gap = self.every or max(1, total // 4)
        if watch is not None and (step == total or watch.due(step, gap)):
            watch.ask(engine, step, needed=step == total)

    def _finish(self, engine: Engine, card: Checkpoint, made: Made, adapter: Adapter | None) -> None:
        """Write the best weights, and say what they do not beat."""
        if (watch := made.validation) is not None:
            watch.restore(engine)
            for one in watch.beaten:
                self.say(f"the weights of step {watch.best} are not better than {one.who}")
        if adapter is not None and adapter.lora.merge:
            adapter.merge()
            adapter = None
        write_finished(engine, card, made, adapter, self.out)
        record = json.loads((self.out / RECORD).read_text("utf-8"))
        board = Board(self.out / "state")
        write_training_page(self.out / PAGE, record, name=made.name, losses=board.losses, validation=watch)
