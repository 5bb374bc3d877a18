"""What ``benchmarks/cpu/train.py`` teaches: drawn data of two shapes, the rows of SLAKE, and all of it for other programs.

Pictures are PNG files of the size that is fed, so that no program's own resizing decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from PIL import Image

from umit.chat import END, prompt, spell
from umit.checkpoints import Checkpoint
from umit.datasets import load
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files
from umit.imaging.view import Rendering
from umit.phantom import draw_film, words
from umit.phantom.film import FINDINGS
from umit.queries import Ask, Describe
from umit.results import Answer, Report
from umit.tasks.dialect import UMIT, Dialect

__all__ = ["CARD", "lines", "mixed", "slake", "slake_like", "trl_rows"]

#: Films as they are; a volume's 32 slices take four tokens each, as the embedded checkpoint's do.
CARD = Checkpoint(
    name="benchmark",
    dialect=Dialect(
        film=UMIT.film, boxes=UMIT.boxes, points=UMIT.points, volume=Rendering(frame=(56, 56), depth=32, fed=(56, 56))
    ),
)
SIDE = 448  # 256 tokens; SLAKE's own pictures of 512 take 324
#: Questions of SLAKE's kinds, of its mean length.
QUESTIONS = (
    ("What modality is used to take this image?", "X-Ray"), ("Which part of the body does this image belong to?", "Chest"),
    ("Does the picture contain {}?", "No"), ("Is there {} in this image?", "Yes"), ("Where is/are the {} located?", "Upper Left Lobe"),
    ("What diseases are included in the picture?", "{}"), ("Is the lung healthy?", "No"), ("Which organ is abnormal, heart or lung?", "Lung"),
    ("Which is bigger in this image, heart or lung?", "Lung"), ("What is the main cause of {}?", "Infection, smoking"),
    ("这张图片的成像方式是什么?", "X光"), ("图中包含{}吗?", "不包含"), ("{}位于图像的哪个部位?", "左上肺"), ("图像中的器官健康吗?", "不健康"),
    ("图中最大的器官是什么?", "肺"), ("这是胸部的图像吗?", "是的"), ("图中哪侧的肺有异常?", "右侧"), ("如何治疗图中的疾病?", "药物治疗, 手术"),
    ("这张图片是哪个平面扫描的?", "冠状面"), ("图中有几处异常?", "1"),
)  # fmt: skip


def slake_like(folder: Path, pictures: int) -> list[Sample]:
    """Return twenty short questions on each of so many films of one size."""
    found = []
    for number in range(pictures):
        path = _film(folder, number, (SIDE, SIDE))
        for k, (question, answer) in enumerate(QUESTIONS):
            kind = FINDINGS[(number + k) % len(FINDINGS)]
            zh = k >= len(QUESTIONS) // 2
            name = words.name(kind, "zh" if zh else "en")
            query = Ask(question.format(name), language="zh" if zh else "en")
            found.append(_sample(f"{number}-{k}", query, Answer(text=answer.format(name)), Files((path,)), str(number)))
    return found


def slake(folder: Path, rows: Path, pictures: int) -> list[Sample]:
    """Return the genuine questions on the first pictures of SLAKE's training part, on drawn films in their place."""
    (folder / "train.json").write_bytes((rows / "train.json").read_bytes())
    found: dict[str, list[Sample]] = {}
    for sample in load("slake", folder, split="train"):
        if sample.group in found or len(found) < pictures:
            found.setdefault(sample.group, []).append(sample)
    for number, samples in enumerate(found.values()):
        for path in {path for sample in samples for path in sample.source.paths}:
            path.parent.mkdir(parents=True)
            _film(path.parent, number, (SIDE, SIDE)).rename(path)  # a PNG under its name, which readers go by content
    return [sample for samples in found.values() for sample in samples]


def mixed(folder: Path, count: int) -> list[Sample]:
    """Return one question each on a film of any of 169 sizes, two views, or a volume; answers of any length."""
    rng, found = np.random.default_rng(0), []
    for number in range(count):
        kind = rng.choice(["film", "report", "views", "volume"], p=[0.5, 0.2, 0.15, 0.15])
        language = "en" if rng.random() < 0.5 else "zh"
        sizes = rng.integers(4, 17, (2, 2)) * 28
        question, answer = QUESTIONS[rng.integers(10) + (0 if language == "en" else 10)]
        query: Any = Ask(question.format("nodule"), language=language)
        gold: Any = Answer(text=answer.format("nodule"))
        if kind in ("report", "views"):
            placed = [(str(rng.choice(FINDINGS[:3])), "right", "upper") for _ in range(rng.integers(0, 8))]
            query, gold = Describe(language=language), Report(text=words.film_report(placed, language))
        source = Files(
            tuple(_film(folder, 2 * number + k, size) for k, size in enumerate(sizes[: 2 if kind == "views" else 1]))
        )
        if kind == "volume":
            source = Files((_volume(folder, number),), is_volume=True)
        found.append(_sample(str(number), query, gold, source, str(number)))
    return found


def trl_rows(samples: Iterable[Sample], folder: Path) -> list[dict[str, Any]]:
    """Return what TRL is given for the same samples: the words and pictures that umit asks with."""
    found, known = [], {}
    for sample in samples:
        for request, text in asked(sample, CARD.tasks):
            names = []
            for frame in request.frames:
                key = frame.tobytes()
                if key not in known:
                    known[key] = str(folder / f"fed-{len(known)}.png")
                    Image.fromarray(np.ascontiguousarray(frame)).save(known[key])
                names.append(known[key])
            found.append({"prompt": spell(prompt(request)), "completion": text + END.text, "images": names})
    return found


def swift_rows(samples: Iterable[Sample], rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what ms-swift is given for the same samples, and the pictures of their rows for TRL."""
    requests = (request for sample in samples for request in asked(sample, CARD.tasks))
    for (request, text), row in zip(requests, rows, strict=True):
        said = [
            {"role": "system", "content": request.system},
            {"role": "user", "content": "<image>" * len(request.frames) + spell(request.words)},
            {"role": "assistant", "content": text},
        ]
        yield {"messages": said, "images": row["images"]}


def lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return all words, for a tokenizer to learn from."""
    return [row[name] for row in rows for name in ("prompt", "completion")]


def _sample(name: str, query: Any, gold: Any, source: Files, group: str) -> Sample:
    return Sample(id=name, query=query, gold=gold, source=source, group=group)


def _film(folder: Path, number: int, size: Sequence[int]) -> Path:
    path = folder / f"film-{number}.png"
    drawn = Image.fromarray(draw_film(number % 40).pixels).convert("L")
    drawn.rotate(number // 40).resize((int(size[0]), int(size[1])), Image.Resampling.BICUBIC).save(path)
    return path


def _volume(folder: Path, number: int) -> Path:
    path = folder / f"volume-{number}.nii"
    voxels = np.random.default_rng(number).integers(-1000, 1000, (56, 56, 32), np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    return path
