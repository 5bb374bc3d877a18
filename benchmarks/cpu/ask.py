"""Questions that share pictures, and answers of mixed lengths: umit's engine beside plain transformers.

    python benchmarks/cpu/ask.py [--pairs N] [--only NAME]

Two models, float32, one thread: the embedded checkpoint (64 picture tokens a film), and a random Qwen2-VL of about 19
million parameters on the card of UMIT, which feeds a square film as 729. Parts:

- ``questions``: 16 films (4 of the larger model), 8 questions each, the first token of each answer; the reference asks one after another;
- ``landmarks``: the 19 points of one skull, written out;
- ``labels``: 14 labels on films, whole labels scored; the reference makes a forward a label;
- ``mixed``: 512 questions on small pictures whose answers go on to limits drawn log-normally (median 36, at most 300), whatever the
  model would end with; umit doesn't look at them beforehand; of the embedded checkpoint only; the reference is ``generate`` with batches of 32 in the order of arrival;
- ``facade``: 32 films, ``UMIT.classify``'s way through ``predict``, beside the engine alone on the same requests.

Both arms get the same ids and patches. Answers have to be equal (log-probabilities to 1e-4); patterns are off, which the
reference does not know. An arm after the other, process CPU time; medians with quartiles, and counters of both.

Writes ``benchmarks/results/ask.json``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
sys.path.insert(0, str(Path(__file__).parents[2]))
import plain
from train import quartiles

from umit import UMIT, load
from umit.backends.local.backend import LocalBackend
from umit.backends.local.generate import Slots
from umit.chat import Request
from umit.checkpoints import PHANTOM, RELEASED, Checkpoint
from umit.embedded import embedded
from umit.engine.load import Engine, load_engine
from umit.imaging.view import render
from umit.phantom import draw_cephalogram, draw_film
from umit.queries import Ask, Choose, Locate
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.table import choose

RESULTS = Path(__file__).parents[1] / "results" / "ask.json"
TARGETS = {"questions": 7.0, "landmarks": 8.0, "labels": 12.5, "mixed": 3.0}
WASTE, FACADE = 1.10, 1.03
FILMS, LABELLED, MIXED, BATCH = 16, 4, 512, 32
QUESTIONS = (
    "Is there a nodule in this image?", "Is there cavity in this image?", "Is there pleural effusion in this image?",
    "Which organ is shown?", "Is the heart enlarged in this image?", "On which side is the finding?",
    "What kind of picture is this?", "Is there anything abnormal in the left lung?",
)  # fmt: skip
LABELS = (
    "atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax",
    "consolidation", "edema", "emphysema", "fibrosis", "pleural thickening", "hernia",
)  # fmt: skip


def mid(folder: Path) -> Engine:
    """Write and load the random model of the middle size, with the embedded checkpoint's tokenizer."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    small = load_engine(embedded(), device="cpu")
    tokenizer = small.encoder.tokenizer
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": small.model.config.text_config.vocab_size, "hidden_size": 384, "intermediate_size": 1024,
            "num_hidden_layers": 6, "num_attention_heads": 6, "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [8, 12, 12]},
        },
        vision_config={"depth": 6, "embed_dim": 320, "hidden_size": 384, "num_heads": 5},
        image_token_id=small.encoder.image_pad, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Qwen2VLForConditionalGeneration(config)
    for parameter in model.parameters():  # further from nothing, so that answers differ
        if parameter.ndim > 1:
            parameter.data.mul_(3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_engine(folder, device="cpu")


def asked(card: Checkpoint, pixels: Any, query: Any, **settings: Any) -> Request:
    """Return the request of a query on a film; the same pixels give the same frames."""
    task = card.task(choose(query, volume=False), query.language)
    if id(pixels) not in VIEWS:
        VIEWS[id(pixels)] = {}
    rendering = task.rendering(volume=False)
    if rendering not in VIEWS[id(pixels)]:
        VIEWS[id(pixels)][rendering] = (pixels, render((load(pixels, axes="yx", spacing=(0.1, 0.1)),), rendering))
    request = task.request(query, VIEWS[id(pixels)][rendering][1])
    return replace(request, pattern=None, corners=None, **settings)


VIEWS: dict[int, dict[Any, Any]] = {}


def square(number: int) -> Any:
    """Return a drawn film of 756 × 756 pixels, which UMIT's card feeds as 729 tokens."""
    from PIL import Image

    return np.array(Image.fromarray(draw_film(number).pixels).convert("L").resize((756, 756)))


def requests(name: str, card: Checkpoint) -> list[Request]:
    """Return what a part asks."""
    if name == "questions":
        films = [square(k) for k in range(FILMS if card is PHANTOM else FILMS // 4)]
        return [asked(card, film, Ask(q), max_new_tokens=1) for film in films for q in QUESTIONS]
    if name == "labels":
        return [asked(card, film, Choose(LABELS)) for film in [square(k) for k in range(LABELLED)]]
    if name == "landmarks":
        skull = draw_cephalogram(0).pixels
        return [
            asked(card, skull, replace(Locate(CEPHALOMETRIC), name=one), max_new_tokens=16) for one in CEPHALOMETRIC
        ]
    drawn = np.random.default_rng(0)
    lengths = np.clip(drawn.lognormal(np.log(36), 1.0, MIXED), 1, 300).astype(int)
    shown = drawn.integers(0, 256, (MIXED, 56, 56, 3), np.uint8)
    return [
        Request(words=(f"{QUESTIONS[k % 8]} {k}",), frames=(shown[k],), max_new_tokens=int(n))
        for k, n in enumerate(lengths)
    ]


@contextmanager
def counted(engine: Engine) -> Iterator[dict[str, int]]:
    """Count what a model is made to do."""
    counts = {"vision_calls": 0, "patches": 0, "tokens": 0, "forwards": 0}

    def vision(module: Any, args: Any) -> None:
        counts["vision_calls"] += 1
        counts["patches"] += args[0].shape[:-1].numel()

    def language(module: Any, args: Any, kwargs: Any) -> None:
        counts["forwards"] += 1
        counts["tokens"] += kwargs["inputs_embeds"].shape[:2].numel()

    model = engine.model.model
    hooks = [
        model.visual.blocks[0].norm1.register_forward_pre_hook(vision),
        model.language_model.register_forward_pre_hook(language, with_kwargs=True),
    ]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def reference(name: str, engine: Engine, some: Sequence[Request]) -> Any:
    """Ask as a plain script does."""
    if name == "labels":
        return plain.options(engine, some)
    if name == "mixed":
        batches = (some[k : k + BATCH] for k in range(0, len(some), BATCH))
        return [text for batch in batches for text in plain.written_together(engine, batch, ends=False)]
    return plain.written(engine, some)


def ours(name: str, engine: Engine, some: Sequence[Request]) -> Any:
    """Ask umit's engine."""
    found = list(LocalBackend(engine).generate(some))
    return [list(one.option_logprobs) if name == "labels" else one.text for one in found]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor seconds and the result."""
    gc.collect()
    start = time.process_time()
    found = run()
    return time.process_time() - start, found


def equal(name: str, one: Any, other: Any) -> float:
    """Return the share of equal answers, or stop where probabilities differ."""
    if name == "labels":
        np.testing.assert_allclose(one, other, atol=1e-3, rtol=1e-4)
        return 1.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def part(name: str, engine: Engine, card: Checkpoint, pairs: int) -> dict[str, Any]:
    """Measure one part."""
    some, ratios, seconds, widths = requests(name, card), [], [], [0]
    counters, step = {}, Slots.step

    def watched(slots: Slots) -> Any:
        widths[0] += len(slots)
        if name == "mixed":
            slots._stops = frozenset()  # answers go on to their limits, in both arms
        return step(slots)

    Slots.step = watched
    for _ in range(pairs):
        widths[0] = 0
        with counted(engine) as mine:
            fast, found = timed(lambda: ours(name, engine, some))
        with counted(engine) as theirs:
            slow, wanted = timed(lambda: reference(name, engine, some))
        counters = {"umit": mine, "reference": theirs}
        same = equal(name, found, wanted)
        if same < 0.995:
            raise SystemExit(f"{name}: only {same:.3f} of the answers are equal")
        ratios.append(slow / fast)
        seconds.append(fast)
        print(name, round(ratios[-1], 2), round(fast, 2), round(slow, 2), flush=True)
    Slots.step = step
    useful = sum(one.max_new_tokens for one in some) if name == "mixed" else None
    ratio = quartiles(ratios)
    return {
        "questions": len(some), "pairs": pairs, "equal_answers": same, "counters": counters,
        "umit_cpu_seconds": quartiles(seconds), "times_reference": ratio, "target": TARGETS[name],
        "met": ratio["median"] >= TARGETS[name],
        **({"slot_steps_over_useful": round(widths[0] / useful, 3), "waste_target": WASTE} if useful else {}),
    }  # fmt: skip


def facade(engine: Engine, card: Checkpoint, pairs: int) -> dict[str, Any]:
    """Measure the way through ``predict`` beside the engine alone; reading and rendering belong to neither."""
    films = [load(square(k), axes="yx") for k in range(32)]
    query = Ask(QUESTIONS[0], ("yes", "no"))
    task = card.task(choose(query, volume=False), "en")
    views = [render((film,), task.rendering(volume=False)) for film in films]
    ratios = []
    for _ in range(pairs):
        through, found = timed(lambda: list(UMIT(LocalBackend(engine), card).predict([(f, query) for f in films])))
        shown, _ = timed(lambda: [render((film,), task.rendering(volume=False)) for film in films])
        bare, wanted = timed(lambda: list(LocalBackend(engine).generate(task.request(query, view) for view in views)))
        if [one.raw for one in found] != [one.text for one in wanted]:
            raise SystemExit("predict and the engine answer otherwise")
        ratios.append((through - shown) / bare)
    ratio = quartiles(ratios)
    print("facade", ratio, flush=True)
    return {"films": 32, "pairs": pairs, "over_engine": ratio, "target": FACADE, "met": ratio["median"] <= FACADE}


def main() -> int:
    """Compare, count, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--only", choices=[*TARGETS, "facade"], help="one part; nothing is written")
    parser.add_argument("--model", choices=("embedded", "mid"), help="one model; nothing is written")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    load_before, record = os.getloadavg()[0], {}
    with tempfile.TemporaryDirectory() as folder:
        models = {
            "embedded": (load_engine(embedded(), device="cpu"), PHANTOM),
            "mid": (mid(Path(folder)), replace(RELEASED["dz-osamu/UMIT-B"], name="mid")),
        }
        for model, (engine, card) in models.items():
            if given.model not in (None, model):
                continue
            count = sum(p.numel() for p in engine.model.parameters())
            record[model] = {"parameters": count}
            print(model, count, flush=True)
            for name in [given.only] if given.only else [*TARGETS, "facade"]:
                if name == "mixed" and model == "mid":
                    continue  # a quarter of an hour
                pairs = min(3, given.pairs) if name == "mixed" else given.pairs
                measure = facade if name == "facade" else lambda *rest, name=name: part(name, *rest)
                record[model][name] = measure(engine, card, pairs)
                print(json.dumps({name: record[model][name]}, indent=1), flush=True)
                VIEWS.clear()
    packages = ("umit", "torch", "transformers", "numpy")
    record |= {
        "load": {"before": round(load_before, 2), "after": round(os.getloadavg()[0], 2)}, "processors": os.cpu_count(),
        "versions": {name: metadata.version(name) for name in packages} | {"python": platform.python_version()},
    }  # fmt: skip
    if not (given.only or given.model):
        RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
