"""Cards of Qwen's own checkpoints, and of a checkpoint of unknown training: text alone, in its own template and pixels.

Frames, spellings and sentences are those of the makers' notebooks and answers, each with its source as evidence. A
fine-tune may write in another frame than its base, so none of these is a card of a fine-tune.
"""

from __future__ import annotations

from typing import Final

from umit.checkpoints.card import Checkpoint, Evidence, ModelType
from umit.imaging.view import Rendering
from umit.queries import Language
from umit.tasks.dialect import UMIT, BoxSyntax, Choices, Dialect, PointSyntax, Prompt

__all__ = ["BASES", "GENERIC", "LETTERS", "MCQ", "TEXT", "budget", "proofs"]

#: What a checkpoint may be asked whatever its frame.
TEXT: Final = ("answer_open", "answer_closed", "classify", "report_film", "caption")
#: As VLMEvalKit and MedEvalKit list options for Qwen-VL.
LETTERS: Final = Choices(shown="{mark}. {words}")
MCQ: Final[dict[Language, str]] = {
    "en": "{question}\nOptions:\n{options}\nAnswer with the option's letter from the given choices directly.",
    "zh": "{question}\n选项：\n{options}\n请直接使用给定选项中的选项字母来回答该问题。",
}
#: Fewest and most pixels a picture in the hub's own files, and what both sides are multiples of.
_BUDGETS: Final[dict[ModelType, tuple[int, int, int]]] = {
    "qwen2_vl": (3136, 12845056, 28),
    "qwen2_5_vl": (3136, 12845056, 28),
    "qwen3_vl": (65536, 16777216, 32),
}
_ISSUES: Final = "github.com/QwenLM/Qwen3-VL/issues"
#: Tokens of tasks that these write at more length than UMIT: whole sentences, and JSON, 45 tokens a box.
_LENGTHS: Final = {"answer_open": 512, "detect_2d": 2048, "landmark": 128}
_THINKING: Final = 4096  # tokens of a reasoning and its answer, as MedVLThinker evaluates


def budget(
    kind: ModelType,
    *,
    frame: tuple[int, int] | None = None,
    fed: tuple[int, int] | None = None,
    in_fed: bool = False,
    least: int | None = None,
    most: int | None = None,
) -> Rendering:
    """Return how a film is shown to an architecture: with the pixels of the hub's files, or with others.

    Args:
        kind: The architecture.
        frame: That coordinates are written in.
        fed: That films are squeezed to.
        in_fed: Whether coordinates are pixels of what is fed.
        least: Fewest pixels.
        most: Most pixels.
    """
    low, high, factor = _BUDGETS[kind]
    return Rendering(
        frame=frame, fed=fed, in_fed=in_fed, factor=factor,
        min_pixels=low if least is None else least, max_pixels=high if most is None else most,
    )  # fmt: skip


def proofs(*facts: tuple[str, str], tag: str = "V") -> tuple[Evidence, ...]:
    """Return evidence for fields, each with its source."""
    return tuple(Evidence(field=field, tag=tag, source=source) for field, source in facts)


def _asked(texts: dict[str, dict[Language, str]], *, own_length: bool = True) -> tuple[Prompt, ...]:
    """Return prompts: questions as they are, options by letter, and an own sentence for each thing to be found."""
    lengths = _LENGTHS if own_length else {}
    plain: dict[str, dict[Language, str]] = {
        "answer_open": {"en": "{question}", "zh": "{question}"},
        "answer_closed": MCQ,
        "classify": MCQ,
        **texts,
    }
    return tuple(
        Prompt(task=task, language=language, text=text, max_new_tokens=lengths.get(task))
        for task, by_language in plain.items()
        for language, text in by_language.items()
    )


def _base(
    name: str,
    kind: ModelType,
    shown: Rendering,
    found: dict[str, dict[Language, str]],
    evidence: tuple[Evidence, ...],
    *,
    boxes: BoxSyntax = "json",
    points: PointSyntax = "json",
    thinking: bool = False,
    licence: str = "apache-2.0",
    refused: tuple[tuple[str, str], ...] = (),
) -> Checkpoint:
    return Checkpoint(
        name=f"Qwen/{name}",
        task_names=(*TEXT, *found),
        dialect=Dialect(
            film=budget(kind), volume=UMIT.volume, boxes=shown, points=shown, volumes=False,
            prompts=_asked(found, own_length=not thinking), choices=LETTERS, box_syntax=boxes, point_syntax=points,
            form="think" if thinking else "plain", max_new_tokens=_THINKING if thinking else None,
        ),
        system=None, own_pixels=True, model_type=kind, licence=licence, evidence=evidence, refused=refused,
    )  # fmt: skip


_SYSTEM: Final = ("system", "its own chat template")
_PIXELS: Final = ("picture", "its own preprocessor_config.json")
_WORDS: Final = proofs(("options", "umit's own wording, as MedEvalKit asks Qwen-VL"), tag="U")
_QWEN2: Final = (
    *proofs(
        ("frame", f"{_ISSUES}/9 (a maintainer), /189, and process_bbox.ipynb"),
        ("box_syntax", f"{_ISSUES}/9"), ("detect_2d", f"{_ISSUES}/342, found by a user"),
        ("licence", "the hub"), _SYSTEM, _PIXELS,
    ), *_WORDS,
)  # fmt: skip
_QWEN25: Final = (
    *proofs(
        ("frame", f"{_ISSUES}/676, /721, /866, /1161 and /1427 (maintainers)"),
        ("box_syntax", f"{_ISSUES}/733 and /1397"), ("detect_2d", "cookbooks/spatial_understanding.ipynb"),
        ("landmark", "cookbooks/spatial_understanding.ipynb"), ("licence", f"{_ISSUES}/963 and /1273"), _SYSTEM, _PIXELS,
    ), *_WORDS,
)  # fmt: skip
_QWEN3: Final = (
    *proofs(
        ("frame", f"cookbooks/2d_grounding.ipynb, {_ISSUES}/1427 and /1486"), ("box_syntax", f"{_ISSUES}/2020"),
        ("detect_2d", "cookbooks/2d_grounding.ipynb"), ("landmark", "cookbooks/2d_grounding.ipynb"),
        ("answer_form", f"{_ISSUES}/1504 and /1750"), ("licence", "catalogue pages"), _SYSTEM, _PIXELS,
    ), *_WORDS,
)  # fmt: skip
_THOUSANDTHS: Final = (1000, 1000)  # 999 only in a vendor's manual; the difference is 0.1 % of a side

#: Qwen's own, by hub name.
BASES: Final[dict[str, Checkpoint]] = {
    card.name: card
    for card in (
        *(
            _base(
                f"Qwen2-VL-{size}-Instruct", "qwen2_vl", budget("qwen2_vl", frame=_THOUSANDTHS),
                {"detect_2d": {"en": "Find {target} with grounding"}},
                _QWEN2, boxes="qwen",
                refused=(("landmark", "its makers published no sentence that asks for a point"),),
            )
            for size in ("2B", "7B")
        ),
        *(
            _base(
                f"Qwen2.5-VL-{size}-Instruct", "qwen2_5_vl", budget("qwen2_5_vl", in_fed=True),
                {
                    "detect_2d": {
                        "en": "Outline the position of each {target} and output all the coordinates in JSON format.",
                        "zh": "框出每一个{target}的位置，以json格式输出所有的坐标",
                    },
                    "landmark": {
                        "en": "point to the {name}, output its coordinates in XML format <points x y>object</points>",
                        "zh": "以点的形式定位图中{name}，以XML格式输出其坐标",
                    },
                },
                _QWEN25, points="xml", licence=licence,
            )
            for size, licence in (("3B", "Qwen RESEARCH LICENSE, non-commercial"), ("7B", "apache-2.0"))
        ),
        *(
            _base(
                f"Qwen3-VL-{size}-{kind}", "qwen3_vl", budget("qwen3_vl", frame=_THOUSANDTHS),
                {
                    "detect_2d": {
                        "en": 'Locate every instance that belongs to the following categories: "{target}". '
                        "Report bbox coordinates in JSON format."
                    },
                    "landmark": {"en": "Locate the {name} in this image. Output the point coordinates in JSON format."},
                },
                _QWEN3, thinking=kind == "Thinking",
            )
            for size in ("2B", "4B", "8B")
            for kind in ("Instruct", "Thinking")
        ),
    )
}  # fmt: skip

_CAUTION: Final = "generic card, unverified"
_WHY: Final = "the frame of a checkpoint is not known from its base; `umit calibrate` measures it"
#: What is asked of weights whose training nobody described, by ``generic:`` and their architecture.
GENERIC: Final[dict[str, Checkpoint]] = {
    f"generic:{kind}": Checkpoint(
        name=f"generic:{kind}",
        task_names=TEXT,
        dialect=Dialect(
            film=budget(kind), volume=UMIT.volume, boxes=budget(kind), points=budget(kind), volumes=False,
            prompts=_asked({}, own_length=False), choices=LETTERS, form="auto", max_new_tokens=1024,
        ),
        system=None, own_pixels=True, model_type=kind, caution=_CAUTION,
        refused=tuple((task, _WHY) for task in ("detect_2d", "detect_3d", "landmark")),
    )
    for kind in _BUDGETS
}  # fmt: skip
