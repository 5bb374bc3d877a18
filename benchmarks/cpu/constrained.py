"""Answers that keep to their form: what it costs, and how many cannot be read, beside free writing.

    python benchmarks/cpu/constrained.py                       # all parts
    python benchmarks/cpu/constrained.py --part cost           # or untrained, real

``cost``: decoding of the embedded checkpoint at batch 8, with and without patterns, in turns; the target is 5 %.
``untrained``: 10,000 answers of random weights drawn at temperature 2, of which none may be unreadable.
``real``: detections by the embedded checkpoint in the sample volumes that ``UMIT_SHARED`` names.
Writes ``benchmarks/results/constrained.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

import umit
from umit.backends.local.backend import LocalBackend
from umit.backends.local.generate import Row, Slots
from umit.backends.local.guide import Guides, Vocabulary
from umit.backends.local.prefix import read_prefixes, read_words
from umit.chat import CONTROL, Completion, Request
from umit.checkpoints import PHANTOM
from umit.embedded import embedded
from umit.engine.encode import Encoder
from umit.engine.load import load_engine
from umit.errors import OutputError, TruncatedError, UMITError
from umit.imaging.view import render
from umit.model import UMIT
from umit.phantom import draw_cephalogram, draw_film, draw_volume
from umit.queries import Ask, Choose, Describe, Find, Language, Locate, Query
from umit.testing import tiny_checkpoint

RESULTS = Path(__file__).parents[1] / "results" / "constrained.json"
BATCH, ROUNDS, TARGET = 8, 21, 0.05
ANSWERS, TEMPERATURE = 10_000, 2.0
ORGANS = ("liver", "spleen", "left kidney", "right kidney", "pancreas", "aorta", "bladder", "heart")


def cost() -> dict[str, Any]:
    """Decode the same eight questions free and under their patterns, in turns."""
    engine = load_engine(embedded(), device="cpu")
    guides = Guides(engine.encoder)
    found = {}
    films = [umit.load(draw_film(10_000_000 + k).pixels, axes="yx") for k in range(BATCH)]
    cts = [umit.Scan(v.voxels, affine=v.affine, modality="CT") for v in map(draw_volume, range(10_000_000, 10_000_004))]
    asked: dict[str, list[tuple[umit.Scan, Query]]] = {
        "boxes on films": [(film, Find("heart")) for film in films],
        "boxes in volumes": [(ct, Find(organ)) for ct in cts for organ in ("liver", "spleen")],
        "points": [(umit.load(draw_cephalogram(k).pixels, axes="yx"), Locate("Sella")) for k in range(BATCH)],
        "reports": [(film, Describe()) for film in films],
    }
    for name, pairs in asked.items():
        found[name] = _compared(engine, guides, [_request(*pair) for pair in pairs])
    return {"batch": BATCH, "rounds": ROUNDS, "target": TARGET, **found}


def _request(scan: umit.Scan, query: Query) -> Request:
    from umit.tasks.table import choose

    task = PHANTOM.task(choose(query, volume=scan.is_volume))
    return task.request(query, render(scan, task.rendering(volume=scan.is_volume)))


@torch.inference_mode()
def _compared(engine: Any, guides: Guides, requests: list[Request]) -> dict[str, Any]:
    context, left, _ = read_prefixes(engine, requests, {})
    context, logits = read_words(engine, context, left)
    held = guides.of([(request.pattern, request.corners) for request in requests])
    spent: dict[str, list[float]] = {"free": [], "constrained": []}
    texts: dict[str, list[Completion]] = {}
    for turn in range(ROUNDS + 1):  # the first one fills what is kept
        order = ("free", "constrained") if turn % 2 else ("constrained", "free")
        for arm in order:
            start = time.process_time()
            guided = held if arm == "constrained" else [None] * len(requests)
            texts[arm] = _written(engine, context.fork(), logits, requests, guided)
            if turn:
                spent[arm].append(time.process_time() - start)
    followed = _followed(engine, held, texts["constrained"])
    more = [one / other - 1 for one, other in zip(spent["constrained"], spent["free"], strict=True)]
    low, middle, high = statistics.quantiles(more, n=4)
    return {
        "same_texts": [c.text for c in texts["free"]] == [c.text for c in texts["constrained"]],
        "steps": max(c.tokens or 0 for c in texts["free"]),
        "free_ms_a_step": round(1e3 * statistics.median(spent["free"]) / max(c.tokens or 0 for c in texts["free"]), 3),
        "more": round(middle, 4),
        "more_quartiles": [round(low, 4), round(high, 4)],
        "following_the_pattern_ms_a_step": round(followed, 4),
        "met": middle <= TARGET,
    }


def _written(engine: Any, context: Any, logits: Any, requests: list[Request], guides: list[Any]) -> list[Completion]:
    slots = Slots(engine, len(requests), len(requests))
    rows = [Row(number, *pair) for number, pair in enumerate(zip(requests, guides, strict=True))]
    slots.join(rows, context, logits)
    while slots:
        slots.step()
    return [found for row in rows if isinstance(found := row.completion(engine), Completion)]


def _followed(engine: Any, held: list[Any], texts: list[Completion]) -> float:
    """Return what it takes to look up all tokens of a step, without the rest of decoding."""
    ids = [engine.encoder.tokenizer.encode(text.text, add_special_tokens=False) for text in texts]
    start = time.process_time()
    for _ in range(100):
        for guide, row in zip(held, ids, strict=True):
            state = guide.start
            for token in row:
                state = guide.after(state, token) or guide.start
    return 10 * (time.process_time() - start) / max(map(len, ids))


class _Written:
    """A backend that writes every answer, options too."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self.forced = self.tokens = 0

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
        for found in self._backend.generate(replace(request, options=()) for request in requests):
            if isinstance(found, Completion):
                self.forced += found.forced
                self.tokens += found.tokens or 0
            yield found


def _questions(language: Language, volume: bool) -> list[Query]:
    nodule = "nodule" if language == "en" else "结节"
    options = ("yes", "no", "not sure") if language == "en" else ("是", "否", "不确定")
    organs = tuple(f"organ {k}" for k in range(12))
    asked: list[Query] = [
        Find(nodule, language=language), Ask("Which?", options, language=language), Choose(organs, language=language),
        Choose((nodule,), several=True, language=language),
    ]  # fmt: skip
    return asked if volume else [*asked, Locate("Sella", language=language)]


def untrained() -> dict[str, Any]:
    """Draw answers from random weights, in every structured task and both languages."""
    arms = {}
    for arm, count in (("constrained", ANSWERS), ("free", 500)):
        with tempfile.TemporaryDirectory() as folder:
            engine = load_engine(tiny_checkpoint(Path(folder)), device="cpu")
        writer = _Written(LocalBackend(engine, batch=64, temperature=TEMPERATURE))
        model = UMIT(writer, PHANTOM, constrained=arm == "constrained")
        rng = np.random.default_rng(0)
        scans = [umit.Scan(rng.integers(0, 255, (depth, 40, 50), np.uint8)) for depth in (1, 6)]
        kinds = [(s, q) for s in scans for w in ("en", "zh") for q in _questions(w, s.is_volume)]  # type: ignore[arg-type]
        items = [pair for pair in kinds for _ in range(-(-count // len(kinds)))][:count]
        start = time.process_time()
        arms[arm] = {
            "answers": len(items),
            **_counted(model.predict(items, progress=False)),
            "tokens": writer.tokens,
            "forced_tokens": writer.forced,
            "cpu_seconds": round(time.process_time() - start, 1),
        }
        print(json.dumps({arm: arms[arm]}), flush=True)
    return {"temperature": TEMPERATURE, **arms}


def real() -> dict[str, Any]:
    """Find organs in the sample volumes, which the embedded checkpoint never saw the like of."""
    root = Path(os.environ.get("UMIT_SHARED", "../shared")) / "samples"
    files = sorted(path for name in ("volumes", "brain_mri4") for path in (root / name).rglob("*.nii*"))
    files += sorted((root / "hippocampus" / "imagesTr").glob("*.nii*"))[:8]
    scans = []
    for file in files:
        try:
            scan = umit.load(file)
        except UMITError:
            continue
        if scan.is_volume and "label" not in file.name and "mask" not in file.name and "seg" not in file.name:
            scans.append(scan)
    if not scans:
        return {"volumes": 0}
    found: dict[str, Any] = {"volumes": len(scans)}
    for arm in ("free", "constrained"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = UMIT.from_pretrained(device="cpu", constrained=arm == "constrained")
        items = [(scan, Find(organ)) for scan in scans for organ in ORGANS]
        found[arm] = {"answers": len(items), **_counted(model.predict(items, progress=False))}
        print(json.dumps({arm: found[arm]}), flush=True)
    return found


def _counted(results: Iterable[Any]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for one in results:
        kinds["cut by length"] += isinstance(one, TruncatedError)
        kinds["unreadable"] += isinstance(one, OutputError) and not isinstance(one, TruncatedError)
        kinds["failed"] += isinstance(one, UMITError) and not isinstance(one, OutputError)
        kinds["with a warning of tokens that were not the likeliest"] += not isinstance(one, UMITError) and any(
            note.startswith("constrained") for note in one.warnings
        )
    return dict(kinds)


def vocabulary() -> dict[str, Any]:
    """Read Qwen2's own tokenizer, of 152,000 entries."""
    folder = Path(os.environ.get("UMIT_SHARED", "../shared")) / "samples" / "qwen2_tokenizer"
    if not folder.is_dir():
        return {"entries": 0}
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    tokenizer.add_tokens([token.text for token in CONTROL], special_tokens=True)  # as Qwen2-VL has them
    encoder = Encoder(tokenizer)
    start = time.process_time()
    Vocabulary(encoder)
    return {"entries": len(encoder.tokenizer), "cpu_seconds_once": round(time.process_time() - start, 2)}


PARTS = {"cost": cost, "vocabulary": vocabulary, "untrained": untrained, "real": real}


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append")
    chosen = parser.parse_args().part or list(PARTS)
    torch.set_num_threads(1)
    record = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for name in chosen:
        record[name] = PARTS[name]()
        print(json.dumps({name: record[name]}, indent=2), flush=True)
    record["versions"] = {name: metadata.version(name) for name in ("torch", "transformers")}
    record["python"] = platform.python_version()
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
