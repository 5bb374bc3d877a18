"""Cards as ``umit.json``: written whole, read strictly, older ones too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_args

from umit.checkpoints.card import Checkpoint, Evidence, Measured, Origin, nameable
from umit.checkpoints.confidence import confidence_from
from umit.errors import CheckpointError, InputError
from umit.imaging.view import Rendering
from umit.queries import Language
from umit.tasks.dialect import Choices, Dialect, Prompt

__all__ = ["CARD", "card_to_dict", "read_card", "write_card"]

CARD: Final = "umit.json"
SCHEMA: Final = 2
#: 1: a film was squeezed to its frame unless ``fed`` said otherwise; nothing of prompts, spelling and licences.
_OLDER: Final = 1
_RENDERINGS: Final = ("film", "volume", "boxes", "points")
#: Fields that every card has; a later one is left out where it says nothing.
_FIRST: Final[Mapping[type[Any], frozenset[str]]] = {
    Checkpoint: frozenset({"name", "version", "task_names", "languages", "dialect", "system", "notice"}),
    Dialect: frozenset({*_RENDERINGS, "first_option", "first_class", "inclusive_voxels"}),
    Rendering: frozenset({"frame", "depth", "min_pixels", "max_pixels", "factor", "fed", "preparation"}),
}


def write_card(card: Checkpoint, folder: Path) -> Path:
    """Write a card beside weights.

    Args:
        card: What to write.
        folder: An existing folder, or a ``.json`` file in one.

    Returns:
        The file written, ``umit.json`` in a folder.
    """
    path = folder if folder.suffix == ".json" else folder / CARD
    data = {"schema": SCHEMA, **card_to_dict(card)}
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return path


def card_to_dict(card: Checkpoint) -> dict[str, Any]:
    """Return a card as JSON values, without the fields that say nothing."""
    found: dict[str, Any] = _said(card)
    return found


def _said(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_said(one) for one in value]
    if not is_dataclass(value) or isinstance(value, type):
        return value
    first = _FIRST.get(type(value))
    if first is None:
        return asdict(value)
    return {f.name: _said(getattr(value, f.name)) for f in fields(value) if f.name in first or _speaks(value, f)}


def _speaks(value: Any, one: Any) -> bool:
    return one.default is MISSING or getattr(value, one.name) != one.default


def read_card(folder: Path) -> Checkpoint:
    """Read the card beside weights.

    Args:
        folder: The folder with ``umit.json``, or a card's own ``.json`` file.

    Raises:
        CheckpointError: No card, a newer one, or fields that this version does not know.
    """
    path = folder if folder.suffix == ".json" else folder / CARD
    if not path.is_file():
        from umit.checkpoints.known import advice  # late: the known ones are cards

        raise CheckpointError(
            f"expected {path.name} in {path.parent.name!r}, beside the weights, found none; {advice(path.parent)}"
        )
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        return _card(data)
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"expected a card of schema {SCHEMA} in {path.name}: {error}") from error


def _card(data: Any) -> Checkpoint:
    if not isinstance(data, dict):
        raise TypeError(f"it holds no object, but {type(data).__name__}")
    schema = data.pop("schema", None)
    if schema not in (SCHEMA, _OLDER) or isinstance(schema, bool):
        raise CheckpointError(f"expected a card of schema {SCHEMA}, got {schema!r}; a newer umit may read it")
    known = {f.name for f in fields(Checkpoint)}
    if unknown := set(data) - known:
        raise CheckpointError(f"expected the fields {sorted(known)}, got also {sorted(unknown)}")
    _check_kinds(data)
    tasks, languages = tuple(data["task_names"]), tuple(data["languages"])
    if unknown := {*tasks} - {*nameable()} | {*languages} - {*get_args(Language)}:
        raise CheckpointError(f"expected known tasks and languages, got {sorted(unknown)}")
    values = {**data, "task_names": tasks, "languages": languages, "dialect": _dialect(data["dialect"], schema)}
    if data.get("origin") is not None:
        values["origin"] = _origin(data["origin"])
    values["evidence"] = tuple(Evidence(**one) for one in data.get("evidence", ()))
    values["refused"] = tuple((str(task), str(why)) for task, why in data.get("refused", ()))
    values["presence"] = tuple((str(task), str(target)) for task, target in data.get("presence", ()))
    if data.get("confidence") is not None:
        values["confidence"] = confidence_from(data["confidence"])
    card = Checkpoint(**values)
    _check_prompts(card)
    return card


def _check_kinds(data: Mapping[str, Any]) -> None:
    texts = ("name", "notice", "model_type", "sub_folder", "revision", "licence", "base_licence", "caution")
    kinds: dict[str, type[Any]] = {**dict.fromkeys(texts, str), "version": int, "own_pixels": bool}
    for name, kind in kinds.items():
        if not isinstance(data.get(name, kind()), kind):
            raise TypeError(f"its {name} is no {kind.__name__}")
    if not isinstance(data.get("system", ""), str | None):
        raise TypeError("its system is no str and not null")


def _dialect(data: Any, schema: int) -> Dialect:
    values = dict(data)
    for name in _RENDERINGS:
        shown: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values[name].items()}
        if schema == _OLDER and shown.get("fed") is None and shown.get("depth") is None:
            shown["fed"] = shown["frame"]
        values[name] = Rendering(**shown)
    values["prompts"] = tuple(Prompt(**one) for one in values.get("prompts", ()))
    if values.get("choices") is not None:
        values["choices"] = Choices(**values["choices"])
    return Dialect(**values)


def _check_prompts(card: Checkpoint) -> None:
    """Refuse prompts that would never be asked, and those that cannot be asked together."""
    strange = {p.task for p in card.dialect.prompts} - {*nameable()}
    if strange:
        raise CheckpointError(f"expected prompts of known tasks, got {sorted(strange)}")
    spoken: Sequence[str] = [p.language for p in card.dialect.prompts if p.language not in card.languages]
    if spoken:
        raise CheckpointError(f"expected prompts in {', '.join(card.languages)}, got {sorted({*spoken})}")
    try:
        card.tasks  # noqa: B018  # binds them all
    except InputError as error:
        raise CheckpointError(str(error)) from error


def _origin(data: Any) -> Origin:
    sets = tuple((str(title), str(licence)) for title, licence in data["data"])
    measured = tuple(Measured(**one) for one in data["measured"])
    return Origin(**{**data, "data": sets, "measured": measured})
