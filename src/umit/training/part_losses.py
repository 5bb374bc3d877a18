"""The loss on a part that is not taught, by task and language; a plain function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from umit.checkpoints import Checkpoint
from umit.datasets.dataset import Sample
from umit.training.batches import rows_of

if TYPE_CHECKING:
    from umit.engine.load import Engine

__all__ = ["part_losses"]


def part_losses(engine: Engine, part: Iterable[Sample[Any, Any]], card: Checkpoint) -> dict[str, float]:
    """Return the mean loss a token of each task and language, and under ``""`` that of all.

    Args:
        engine: The weights; their mode is left as it was.
        part: What is asked, as it is taught: answers and their end token.
        card: Of the checkpoint.

    Raises:
        InputError: A picture cannot be read.
    """
    import torch

    from umit.training.collate import collate
    from umit.training.kinds import kind_of
    from umit.training.loss import answer_loss

    sums: dict[str, list[float]] = {}
    training = engine.model.training
    engine.model.train(False)
    try:
        with torch.no_grad():
            for sample in part:
                for row in rows_of(sample, card, engine.encoder):
                    batch = collate([row], image_pad=engine.encoder.image_pad)
                    loss, logits = answer_loss(engine.model, {k: v.to(engine.device) for k, v in batch.items()})
                    for name in ("", kind_of(sample.task, sample.query)):
                        whole = sums.setdefault(name, [0.0, 0.0])
                        whole[0] += float(loss) * len(logits)
                        whole[1] += len(logits)
    finally:
        engine.model.train(training)
    return {name: loss / tokens for name, (loss, tokens) in sorted(sums.items())}
