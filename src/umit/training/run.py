"""The door to training: samples go in, a checkpoint comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from umit.checkpoints import Checkpoint, locate, write_card
from umit.datasets.dataset import Sample
from umit.errors import InputError
from umit.training.contradictions import warn_of_contradictions
from umit.training.hyperparameters import Hyperparameters
from umit.training.rows import SampleBatches
from umit.training.stages import INSTRUCT, Stage, train_stage

if TYPE_CHECKING:
    from umit.engine.load import Engine

__all__ = ["train"]


def train(
    samples: Iterable[Sample[Any, Any]],
    *,
    model: str | Path,
    out: str | Path,
    settings: Hyperparameters,
    stage: Stage = INSTRUCT,
    card: Checkpoint | str | Path | None = None,
    batch: int = 8,
    plain: bool = False,
    tell: Callable[[int, float], bool] | None = None,
) -> Path | None:
    """Teach a checkpoint the samples of any data set; the same call again goes on where it stopped.

    Args:
        samples: A data set, a :class:`~umit.datasets.mixture.Mixture`, or a list; passed over again at its end.
        model: Weights to begin with: ``"umit-phantom"``, a folder, or a name on the hub.
        out: Folder of the checkpoint; its folder ``state`` holds what a later call needs to go on.
        settings: How long and how fast.
        stage: What trains.
        card: Of the weights, where they have none of their own.
        batch: Samples a step, over all processes.
        plain: Train with the loop in plain torch and not with TRL's SFTTrainer; the losses are the same.
        tell: Called with step and loss every ``log_every`` steps; returning ``False`` saves and stops.

    Returns:
        The folder of the finished checkpoint, or ``None`` if ``tell`` stopped it before.

    Raises:
        CheckpointError: No weights there, or no card for them.
        DatasetError: No samples.
        InputError: Fewer samples a step than processes, or a picture that cannot be read.
        UnsupportedTaskError: The checkpoint does not know the task of a sample.
    """
    from umit.engine.load import load_engine
    from umit.training.loop import agree, processes

    folder, share = Path(out), processes()
    if batch < share[1]:
        raise InputError(f"expected at least {share[1]} samples a step, one a process, got {batch}")
    place, known = locate(model, card)
    engine = load_engine(place, dtype="float32")
    warn_of_contradictions(engine.encoder.tokenizer, known)
    stopped = False

    def note(step: int, loss: float) -> bool:
        nonlocal stopped
        stopped = tell is not None and not tell(step, loss)
        return not stopped

    train_stage(
        engine.model, SampleBatches(samples, known, engine.encoder, batch, share), encoder=engine.encoder,
        stage=stage, settings=settings, folder=folder / "state", tell=note, plain=plain,
    )  # fmt: skip
    if agree(stopped):
        return None
    if share[0] == 0:
        _write(engine, known, folder)
    agree(False)  # nobody goes on before it is written
    return folder


def _write(engine: Engine, card: Checkpoint, folder: Path) -> None:
    tokenizer: Any = engine.encoder.tokenizer
    engine.model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_card(card, folder)
