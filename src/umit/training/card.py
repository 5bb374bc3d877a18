"""What is written beside the weights: a card of their own, what plain transformers needs, and a model card."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.checkpoints import CARD, Checkpoint, Measured, Origin
from umit.engine.adapters import ADAPTER, TENSORS, files_fingerprint
from umit.engine.hub import fetched
from umit.queries import Find
from umit.training.augment import Augmentation
from umit.training.figures import Figure
from umit.training.hyperparameters import Hyperparameters
from umit.training.loadable import taught_further, write_beside
from umit.training.model_card import model_card
from umit.training.parts import Part
from umit.training.states import room_on_disk
from umit.training.validate import Validation
from umit.whole import whole

if TYPE_CHECKING:
    from umit.engine.load import Engine
    from umit.training.adapters import Adapter, Lora

__all__ = ["RECORD", "Made", "own_card", "write_checkpoint", "write_finished", "write_weights"]

#: How a checkpoint was made, as JSON beside the weights.
RECORD: Final = "training.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a checkpoint was made.

    Args:
        name: Its own.
        base: Name of the weights that it began with.
        place: Their folder, or their name on the hub.
        source: What the user called them; an adapter is loaded with what that name leads to.
        training: What was taught; ``None`` of a stream.
        validation: What was asked; ``None`` if nothing was.
        stages: Names of the stages.
        settings: How long and how fast.
        batch: Samples a step.
        augment: How pictures were changed while training.
        command: The words that made it.
        licence: Of the new weights; ``""`` where nobody tells it.
        lora: What of LoRA was taught; ``None`` if the weights were.
    """

    name: str
    base: str
    place: str | Path
    source: str
    training: Part | None
    validation: Validation | None
    stages: tuple[str, ...]
    settings: Hyperparameters
    batch: int
    augment: Augmentation | None
    command: str
    licence: str = ""
    lora: Lora | None = None

    @property
    def taught(self) -> tuple[list[str], list[str]]:
        """Tasks and languages of the training part."""
        part = self.training or ()
        return sorted({s.task for s in part}), sorted({s.query.language for s in part})

    @property
    def fingerprint(self) -> str:
        """What tells the files of the weights that it began with from others."""
        return files_fingerprint(Path(self.place) if Path(self.place).is_dir() else Path(fetched(str(self.place))))


def own_card(card: Checkpoint, made: Made) -> Checkpoint:
    """Return the card of a checkpoint that was taught further: its base's prompts and frames, and what is its own."""
    tasks, languages = made.taught
    on = f" on {_titles(made.training)}" if made.training is not None else ""
    asked = f" ({', '.join(tasks)}; {', '.join(languages)})" if tasks else ""
    sets = tuple((str(one["title"]), str(one["licence"])) for one in _sets(made.training))
    origin = Origin(base=made.base, data=sets, licence=made.licence, measured=_measured(made))
    found = taught_further(card, made.name, origin, on + asked)
    told = _presence(made.training) if card.scores_presence else ()
    return replace(found, presence=tuple(sorted({*card.presence, *told})))


def _presence(part: Part | None) -> Iterator[tuple[str, str]]:
    """Yield the targets of detections, beside which their presence is taught."""
    for sample in part or ():
        if isinstance(sample.query, Find):
            yield from ((sample.task, target) for target in sample.query.targets)


def _measured(made: Made) -> tuple[Measured, ...]:
    asked = made.validation
    if asked is None:
        return ()
    part = f"validation: {asked.part.described.get('part', 'its own')}"
    return tuple(
        Measured(metric=f.metric, value=f.value, low=_told(f.low), high=_told(f.high), n=f.n, part=part)
        for f in asked.figures if f.step is not None and f.step == asked.best
    )  # fmt: skip


def write_weights(engine: Engine, card: Checkpoint, made: Made, adapter: Adapter | None, folder: Path) -> None:
    """Write what loads: weights or an adapter, tokenizer, processor files and card.

    Args:
        engine: The weights and their tokenizer.
        card: Of the weights that they began as.
        made: How they were made.
        adapter: What is written instead of the weights, if anything is.
        folder: An existing folder; what is written there before is replaced.
    """
    from umit.engine.load import quiet

    if adapter is not None:
        adapter.write(folder, base=made.source, fingerprint=made.fingerprint)
        (folder / "README.md").unlink(missing_ok=True)  # peft's stock text
    else:
        with quiet():
            engine.model.save_pretrained(folder)
    write_beside(engine.encoder.tokenizer, engine.encoder.family, own_card(card, made), folder)


def write_checkpoint(engine: Engine, card: Checkpoint, made: Made, adapter: Adapter | None, folder: Path) -> None:
    """Write what loads, as :func:`write_weights` does, with the record and the model card."""
    write_weights(engine, card, made, adapter, folder)
    record = _record(made)
    (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    (folder / "README.md").write_text(model_card(made, record, adapter=adapter is not None), "utf-8")


def _told(number: float) -> float | None:
    """Return a number that JSON has."""
    return None if math.isnan(number) else number


def write_finished(engine: Engine, card: Checkpoint, made: Made, adapter: Adapter | None, folder: Path) -> None:
    """Write all files apart and move them into place, the card last: without it umit loads nothing."""
    with room_on_disk(folder, "the finished checkpoint"), whole(folder / CARD) as here:
        write_checkpoint(engine, card, made, adapter, here)
        if made.validation is not None and made.validation.best is not None:
            shutil.copytree(made.validation.run(made.validation.best), here / "validation")
        for before in (CARD, ADAPTER, TENSORS, "config.json", "model*.safetensors*"):  # of the same run, merged or not
            for path in folder.glob(before):
                path.unlink()


def _record(made: Made) -> dict[str, Any]:
    asked = made.validation
    tasks, languages = made.taught
    return {
        "base": made.base,
        "base_fingerprint": made.fingerprint,
        "licence": made.licence,
        "lora": None if made.lora is None else asdict(made.lora),
        "stages": list(made.stages),
        "tasks": tasks,
        "languages": languages,
        "settings": asdict(made.settings),
        "batch": made.batch,
        "augmentation": None if made.augment is None else asdict(made.augment),
        "data": _sets(made.training),
        "training": None if made.training is None else made.training.described,
        "validation": None if asked is None else asked.part.described,
        "best_step": None if asked is None else asked.best,
        "figures": [] if asked is None else [_plain(one) for one in asked.figures],
        "command": made.command,
        "versions": {n: metadata.version(n) for n in ("umit", "torch", "transformers", "trl")},
    }


def _plain(figure: Figure) -> dict[str, Any]:
    return {name: _told(v) if isinstance(v, float) else v for name, v in asdict(figure).items()}


def _sets(part: Part | None) -> list[dict[str, Any]]:
    """Return what the training part is made of: a row a data set."""
    if part is None:
        return [{"title": "a stream of data sets", "licence": "", "samples": "", "groups": ""}]
    alone = {**part.described, "samples": len(part), "groups": len({one.group for one in part})}
    return [
        {
            "title": one.get("title") or one["dataset"],
            "licence": one.get("licence") or "not told",
            "samples": one["samples"],
            "groups": one["groups"],
        }
        for one in part.described.get("sets", [alone])
    ]


def _titles(part: Part | None) -> str:
    return ", ".join(str(one["title"]) for one in _sets(part))
