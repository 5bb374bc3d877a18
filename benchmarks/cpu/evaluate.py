"""Two hundred short questions through ``evaluate``, beside a plain transformers loop and ``swift infer``.

    python benchmarks/cpu/evaluate.py [--swift PATH_TO_SWIFT]

Eight questions about each of 25 phantom films, as data sets of questions have several a picture: five findings and
normality as yes or no, the part of the body, and where something is. The films are PNG files of the size that is fed,
so that no program's own resizing decides an answer. Each arm gets the same files, words and weights, in float32, on one
thread, and answers greedily; answers are compared first. Then counters, then process CPU time with loaded weights.
``evaluate`` has two halves, asking into a journal and scoring by every protocol with intervals. The others write text
only, so asking is what is compared; scoring stands beside it.

``evaluate`` scores whole options where a question has them, the others write one; their texts are compared all the same.

The loop asks one question after another with ``AutoProcessor`` and ``generate``, as model cards show. ``swift infer``
is a program of its own (ms-swift 4.6 needs transformers below 5.20, so it runs in another environment, named by
``--swift``): it is run with all questions and with a few, batch 1 as it is by default and batch 8, and the difference is
what questions cost without imports and loading. Without ``--swift`` its arm is missing from the record.

Writes ``benchmarks/results/evaluate.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from umit import UMIT
from umit.chat import spell
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.datasets.pictures import Files
from umit.evaluation.evaluate import ask
from umit.evaluation.journal import records
from umit.evaluation.score import score
from umit.phantom import cases
from umit.phantom.film import FINDINGS

RESULTS = Path(__file__).parents[1] / "results" / "evaluate.json"
WEIGHTS = Path(str(resources.files("umit.phantom"))) / "weights"
FILMS, FEW, PAIRS, SWIFT_RUNS, TARGET = 25, 8, 7, 3, 5.0
FED = (224, 224)
#: swift's template holds the ids of Qwen2-VL's own vocabulary; the phantom's is smaller.
PLUGIN = """
from swift.template.templates.qwen import Qwen2VLTemplate
Qwen2VLTemplate.image_token_id, Qwen2VLTemplate.video_token_id = {image_token_id}, {video_token_id}
"""
PATCHES = (FED[0] // 14) * (FED[1] // 14)


def questions(folder: Path) -> list[Sample]:
    """Draw the films, write them, and return what is asked about them."""
    found = []
    for seed in range(cases.HELD_OUT, cases.HELD_OUT + FILMS):
        case = cases.film_case(seed)
        film, path = case.truth, folder / f"film-{seed}.png"
        Image.fromarray(film.pixels).resize(FED, Image.Resampling.BICUBIC).save(path)
        rng = np.random.default_rng(seed)
        there = {finding.kind for finding in film.findings}
        items = [cases.present(kind, kind in there, "en") for kind in FINDINGS]
        items += [cases.film_questions(film, rng, "en")[1], cases.part("chest", "en"), cases.film_open(film, rng, "zh")]
        source = Files((path,))
        found += [
            Sample(id=f"{seed}-{k}", query=item.query, gold=item.gold, source=source, group=str(seed))
            for k, item in enumerate(items)
        ]
    return found


def calls_of(model: UMIT, samples: list[Sample]) -> list[tuple[Path, str, int]]:
    """Return what the loop is called with: the film, the words umit asks, the most tokens it takes."""
    requests = [request for sample in samples for request, _ in asked(sample, model.checkpoint.tasks)]
    return [
        (sample.source.paths[0], spell(request.words), request.max_new_tokens)
        for sample, request in zip(samples, requests, strict=True)
    ]


class Loop:
    """The reference arm: a question at a time, as model cards of Qwen2-VL show it."""

    def __init__(self) -> None:
        from transformers import AutoProcessor, Qwen2VLForConditionalGeneration

        self.model = Qwen2VLForConditionalGeneration.from_pretrained(WEIGHTS, dtype=torch.float32).eval()
        self.processor = AutoProcessor.from_pretrained(WEIGHTS)

    def __call__(self, path: Path, words: str, longest: int) -> str:
        """Answer one question."""
        content = [{"type": "image"}, {"type": "text", "text": words}]
        messages = [{"role": "user", "content": content}]
        text = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        with Image.open(path) as picture:
            given = self.processor(text=[text], images=[picture.convert("RGB")], return_tensors="pt")
        with torch.inference_mode():
            written = self.model.generate(**given, max_new_tokens=longest, do_sample=False)
        fresh = written[:, given["input_ids"].shape[1] :]
        return str(self.processor.batch_decode(fresh, skip_special_tokens=True)[0])


@contextmanager
def counted(model: Any) -> Iterator[dict[str, int]]:
    """Count what a model is made to do."""
    counts = {"language_passes": 0, "language_tokens": 0, "vision_passes": 0, "pictures": 0}

    def language(module: Any, args: Any, kwargs: Any) -> None:
        rows, length = kwargs["inputs_embeds"].shape[:2]
        counts["language_passes"] += 1
        counts["language_tokens"] += rows * length

    def vision(module: Any, args: Any) -> None:
        counts["vision_passes"] += 1
        counts["pictures"] += args[0].shape[:-1].numel() // PATCHES

    hooks = [
        model.model.language_model.register_forward_pre_hook(language, with_kwargs=True),
        model.model.visual.merger.register_forward_pre_hook(vision),
    ]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def ours(model: UMIT, samples: list[Sample]) -> tuple[list[str], float, float]:
    """Evaluate in a fresh folder; return the answers' texts and the CPU seconds of both halves of ``evaluate``."""
    with tempfile.TemporaryDirectory() as name:
        start = time.process_time()
        folder = ask(model, samples, name)
        between = time.process_time()
        score(folder)
        ended = time.process_time()
        return [str(record["raw"]) for record in records(folder)], between - start, ended - between


def swift(program: Path, rows: list[dict[str, Any]], batch: int) -> tuple[list[str], float]:
    """Run ``swift infer``; return what it wrote and its CPU seconds, those of its children included."""
    with tempfile.TemporaryDirectory() as name:
        asked_file, answered = Path(name) / "in.jsonl", Path(name) / "out.jsonl"
        asked_file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        plugin = Path(name) / "ids.py"
        plugin.write_text(PLUGIN.format(**json.loads((WEIGHTS / "config.json").read_text("utf-8"))), "utf-8")
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [
                str(program), "infer", "--model", str(WEIGHTS), "--model_type", "qwen2_vl", "--template", "qwen2_vl",
                "--infer_backend", "transformers", "--torch_dtype", "float32", "--use_hf", "true",
                "--val_dataset", str(asked_file), "--result_path", str(answered), "--temperature", "0",
                "--max_new_tokens", str(max(row["longest"] for row in rows)), "--max_batch_size", str(batch),
                "--attn_impl", "sdpa", "--external_plugins", str(plugin),
            ],
            check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        )  # fmt: skip
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = answered.read_text("utf-8").splitlines()
    spent = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    return [json.loads(line)["response"] for line in lines], spent


def swift_arm(program: Path, rows: list[dict[str, Any]], wanted: list[str]) -> dict[str, Any]:
    """Measure ``swift infer`` with all questions and with a few; medians of the differences."""
    found: dict[str, Any] = {}
    for batch in (1, 8):
        spent = []
        for _ in range(SWIFT_RUNS):
            (texts, whole), (_, few) = (swift(program, rows, batch), swift(program, rows[:FEW], batch))
            spent.append(((whole - few) * len(rows) / (len(rows) - FEW), whole))
        found[f"batch_{batch}"] = {
            "answers_that_differ": sum(a != b for a, b in zip(texts, wanted, strict=True)),
            "cpu_seconds": round(statistics.median(one for one, _ in spent), 2),
            "cpu_seconds_with_start": round(statistics.median(whole for _, whole in spent), 2),
        }
    return found


def swift_versions(program: Path) -> dict[str, str]:
    """Return what its environment holds."""
    code = "from importlib.metadata import version as v; print(*map(v, ('ms-swift', 'transformers', 'torch')))"
    said = subprocess.run([str(program.parent / "python"), "-c", code], check=True, capture_output=True, text=True)
    return dict(zip(("ms-swift", "transformers", "torch"), said.stdout.split(), strict=True))


def main() -> int:
    """Compare, count, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swift", type=Path, help="the program of an environment with ms-swift")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, loop = UMIT.from_pretrained(device="cpu"), Loop()
    with tempfile.TemporaryDirectory() as name:
        samples = questions(Path(name))
        calls = calls_of(model, samples)
        with counted(model.backend._engine.model) as mine:
            found = ours(model, samples)[0]
        with counted(loop.model) as theirs:
            wanted = [loop(*call) for call in calls]
        other = [(call[1], a, b) for call, a, b in zip(calls, found, wanted, strict=True) if a != b]
        if other:
            raise SystemExit(f"{len(other)} answers differ, the first: {other[0]}")
        times = []
        for _ in range(PAIRS):
            _, asking, scoring = ours(model, samples)
            start = time.process_time()
            for call in calls:
                loop(*call)
            times.append((asking, scoring, time.process_time() - start))
        rows = [
            {"messages": [{"role": "user", "content": f"<image>{words}"}], "images": [str(path)], "longest": longest}
            for path, words, longest in calls
        ]
        swift_found = swift_arm(given.swift, rows, wanted) if given.swift else None
    if swift_found:
        swift_found["versions"] = swift_versions(given.swift)
    record = report(mine, theirs, times, swift_found, found)
    RESULTS.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(record, indent=2, ensure_ascii=False))
    return 0


def report(
    mine: dict[str, int],
    theirs: dict[str, int],
    times: list[tuple[float, float, float]],
    swift_found: dict[str, Any] | None,
    texts: list[str],
) -> dict[str, Any]:
    """Return the record; medians over pairs that follow each other."""
    low, middle, high = statistics.quantiles([loop / asking for asking, _, loop in times], n=4)
    asking, scoring, loop = (statistics.median(column) for column in zip(*times, strict=True))
    cheaper: dict[str, Any] = {
        "transformers_loop": round(middle, 2),
        "quartiles": [round(low, 2), round(high, 2)],
        "transformers_loop_against_asking_and_scoring": round(loop / (asking + scoring), 2),
    }
    for name, arm in (swift_found or {}).items():
        if name != "versions":
            cheaper[f"swift_infer_{name}"] = round(arm["cpu_seconds"] / asking, 2)
    packages = ("umit", "torch", "transformers", "numpy", "pillow")
    return {
        "questions": len(texts), "films": FILMS, "distinct_answers": len(set(texts)), "answers_that_differ": 0,
        "counters": {"umit_evaluate": mine, "transformers_loop": theirs},
        "cpu_seconds": {
            "umit_evaluate_asking": round(asking, 3), "umit_evaluate_scoring": round(scoring, 3),
            "transformers_loop": round(loop, 3),
        },
        "swift_infer": swift_found, "times_cheaper": cheaper, "pairs": len(times), "target": TARGET,
        "met": {name: ratio >= TARGET for name, ratio in cheaper.items() if name != "quartiles"},
        "load": round(os.getloadavg()[0], 2),
        "versions": {name: metadata.version(name) for name in packages} | {"python": platform.python_version()},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
