"""Write ``reference/formats.md``: each task's prompt and answer, as the code spells them.

Run ``python docs/_formats.py`` after changing a wording; a test holds the page against the code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from umit.chat import Request, prompt, spell
from umit.checkpoints import PHANTOM, RELEASED, Checkpoint
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.scan import Scan
from umit.imaging.view import render
from umit.queries import Ask, Choose, Compare, Describe, Find, Language, Locate, Query
from umit.results import (
    Answer,
    Classification,
    Detection,
    Detections,
    Findings,
    Landmark,
    Landmarks,
    Marked,
    Report,
    Result,
)
from umit.tasks.task import Task, TaskName

PAGE = Path(__file__).parent / "reference" / "formats.md"
CARD = RELEASED["dz-osamu/UMIT-B"]
FILM = Scan(np.zeros((1, 2400, 1935), np.uint8))
VOLUME = Scan(np.zeros((64, 512, 512), np.uint8))

#: What the paper's figures do not show, and umit chose.
OURS: dict[TaskName, str] = {
    "answer_open": "Both languages are the paper's.",
    "answer_closed": "Both languages are the paper's. Options count from 1.",
    "classify": "The Chinese, and the question that is asked when none is given, are umit's. Labels count from 0.",
    "findings": "Each label is a closed question of its own; what is asked about it is umit's.",
    "report_film": "The Chinese is umit's.",
    "report_ct": "The Chinese is umit's. The two blanks after the comma are the paper's.",
    "detect_2d": "The Chinese, and the sentence for nothing, are umit's.",
    "detect_3d": "The Chinese, and the sentence for nothing, are umit's. Upper corners name the last voxel inside.",
    "landmark": "The Chinese is umit's.",
    "caption": "Stage 1. The words are umit's.",
    "compare": "Stage 1. The words are umit's.",
}


def example(name: TaskName, language: Language) -> tuple[Query, tuple[Result, ...]]:
    """Return a question and answers to it, in source coordinates."""
    zh = language == "zh"
    report = Report(text="未见异常。" if zh else "No abnormality.")
    if name == "answer_open":
        question = "这是什么器官？" if zh else "Which organ is this?"
        return Ask(question, language=language), (Answer(text="脾。" if zh else "spleen"),)
    if name == "answer_closed":
        question, options = ("肺部正常吗？", ("是", "否")) if zh else ("Is the lung normal?", ("yes", "no"))
        return Ask(question, options, language=language), (Answer(text=options[1], option=1),)
    if name == "classify":
        labels = ("正常", "肺炎") if zh else ("normal", "pneumonia")
        return Choose(labels, language=language), (Classification(label=labels[1]),)
    if name == "findings":
        label = "积液" if zh else "effusion"
        marks = (Marked(label=label, present=True), Marked(label=label, present=False))
        asked = Choose((label,), several=True, language=language)
        return asked, tuple(Findings(items=(one,)) for one in marks)
    if name == "detect_2d":
        boxes = (Box2D(190, 240, 770, 1200), Box2D(1150, 560, 1580, 1830))
        return _found(Find("肺炎" if zh else "pneumonia", language=language), boxes)
    if name == "detect_3d":
        return _found(Find("肝" if zh else "liver", language=language), (Box3D(64, 140, 20, 226, 300, 44),))
    if name == "landmark":
        point = Landmark(name="Gonion", point=Point2D(816, 1830))
        return Locate("Gonion", language=language), (Landmarks(items=(point,)),)
    if name == "compare":
        alike = "相似之处：均为胸片；不同之处：左侧积液；"
        text = alike if zh else "Similarities: both are chest films; Differences: fluid on the left;"
        return Compare(language=language), (Report(text=text),)
    purpose = "caption" if name == "caption" else "report"
    return Describe(purpose, language=language), (report,)


def _found(query: Find, boxes: tuple[Box2D | Box3D, ...]) -> tuple[Query, tuple[Result, ...]]:
    items = tuple(Detection(label=query.target, box=box) for box in boxes)
    return query, (Detections(items=items), Detections())


def _fence(*lines: str) -> list[str]:
    return ["```text", *lines, "```", ""]


def _size(sides: tuple[int, ...] | None) -> str:
    return " × ".join(str(side) for side in sides or ())


def _shown(task: Task[Any, Any]) -> str:
    """Say which frame coordinates are written in, and what is fed."""
    parts = []
    for kind, rendering in (("Film", task.film), ("Volume", task.volume)):
        if rendering is None:
            continue
        scan = VOLUME if rendering.depth else FILM
        view = render(scan, rendering)
        height, width = view.frames[0].shape[:2]
        count = f"{len(view.frames)} pictures of " if rendering.depth else ""
        frame = _size(view.frame_size)
        parts.append(f"{kind} of {_size(scan.size)}: frame {frame}, fed {count}{width} × {height}.")
    return " ".join(parts)


def _section(card: Checkpoint, name: TaskName) -> list[str]:
    task = card.task(name)
    lines = [f"## {name}", "", OURS[name], "", _shown(task), ""]
    rendering = task.volume or task.film if name in ("report_ct", "detect_3d") else task.film
    assert rendering is not None
    view = render(VOLUME if rendering.depth else FILM, rendering)
    for language in card.languages:
        query, answers = example(name, language)
        request = task.request(query, view)
        lines += [f"Prompt, {language}:", "", *_fence(spell(request.words))]
        what = "Answers, when found and when not" if len(answers) > 1 else "Answer"
        lines += [f"{what}, {language}:", ""]
        lines += _fence(*(task.encode(answer, query, view) for answer in answers))
    return lines


def page() -> str:
    """Return the whole page."""
    whole = Request(words=("{words}",), frames=(np.zeros((28, 28, 3), np.uint8),))
    lines = [
        "<!-- Written by docs/_formats.py; do not edit by hand. -->",
        "",
        "# Prompts and answers",
        "",
        "Each task's words, as `Task.request` and `Task.encode` spell them. Training rows, questions to a",
        "model and this page come from the same two functions. Where the paper's figures show no words, umit",
        "chose them once; each section says which.",
        "",
        "A prompt is one user turn: the pictures, then the words. Loss falls on the answer and its",
        "`<|im_end|>`; no newline follows it.",
        "",
        *_fence(spell(prompt(whole)) + "{answer}<|im_end|>"),
        "`<|image_pad|>` is repeated to the picture's number of tokens. Control tokens below are placed by umit.",
        "A user's words never become control tokens, whatever they spell.",
        "",
        f"The sizes below are those of `{CARD.name}`: a film or slice is fed at most",
        f"{CARD.dialect.film.max_pixels} pixels. `{PHANTOM.name}` writes the same frames and is fed films of",
        f"{_size(PHANTOM.dialect.film.fed)} and slices of {_size(PHANTOM.dialect.volume.fed)}.",
        "",
    ]
    for name in CARD.tasks:
        lines += _section(CARD, name)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
