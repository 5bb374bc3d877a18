"""Samples a processor second that training takes: umit's batches beside TRL's own collator, order and loss.

    python benchmarks/cpu/train.py [--pairs N] [--pictures N] [--samples N] [--slake FOLDER] [--swift PYTHON]

Three data sets: twenty short questions a picture, as SLAKE has them; the genuine rows of SLAKE on drawn pictures, where
``--slake`` (or UMIT_SHARED) has them; and samples of one question each (``--samples``, 336 by default) on films of any
size, two views or volumes, with answers of one word or a long report. The model is the embedded checkpoint's
architecture with random weights; stage instruct, float32, one thread. Both arms go through SFTTrainer with AdamW; TRL's
is in ``benchmarks/reference/trl_sft.py``.

First the losses of the same samples in both arms, each sample by itself, have to be equal to 1e-5. Then an arm after the
other takes each part of the data, in as many pairs as there are parts: process CPU time of whole steps, with reading,
collating and optimizer, from the end of the first to the end of the last. Counters are of the same steps; TRL 1.16's
fused head, which takes answers only, is not among them and shows 0 logit rows. A third arm,
``kept features``, is umit's second pass over the same part with ``--keep-features``. With ``--swift``, the Python of an
environment in which ms-swift is installed, ``swift sft`` takes the same parts in the order of the data; its loss of the
first step has to be that of umit's rows, which get the newline that it teaches behind each answer, within 2 %: with
ms-swift 4.6 they are not equal, while transformers' own forward of the same ids and pictures gives umit's. Both are kept.

Writes ``benchmarks/results/train.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))
sys.path.insert(0, str(Path(__file__).parents[2]))
import trl_sft
from train_data import CARD, lines, mixed, slake, slake_like, swift_rows, trl_rows

from recipes.embedded.model import ARCHITECTURE, new_model, new_tokenizer, write_processor
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.training.batches import SampleBatches
from umit.training.collate import IGNORED, collate
from umit.training.freeze import freeze_vision
from umit.training.hyperparameters import Hyperparameters
from umit.training.kept import Kept
from umit.training.loss import answer_loss
from umit.training.rows import PackedRow
from umit.training.stages import INSTRUCT, train_stage
from umit.training.together import merged

RESULTS = Path(__file__).parents[1] / "results" / "train.json"
SWIFT = Path(__file__).parents[1] / "reference" / "swift_sft.py"
SWIFT_VERSIONS: dict[str, str] = {}
CHECKED, VOCABULARY = 24, 2000
#: Samples a step, in all arms.
BATCH = 8
TARGETS = {"slake_like": 4.0, "slake_rows": 4.0, "mixed": 2.0}
PADDED = 0.03


class Arms:
    """One data set's tokenizer and start weights, and each arm on a part of it."""

    def __init__(self, samples: Sequence[Sample], work: Path, batch: int) -> None:
        self.samples, self.batch, self.folder = samples, batch, work / "start"
        self.rows = trl_rows(samples, work)
        self.shared = len({sample.group for sample in samples}) < len(samples)
        self.tokenizer = new_tokenizer(lines(self.rows), VOCABULARY)
        self.folder.mkdir()
        write_processor(self.folder, self.tokenizer, pixels=602112)
        self.encoder = Encoder(self.tokenizer)

    def model(self) -> Any:
        """Return the start weights, the vision encoder frozen."""
        made = new_model(ARCHITECTURE, self.tokenizer, 0)
        freeze_vision(made)
        return made

    def umit(self, part: slice, kept: Kept | None = None) -> dict[str, float]:
        """Take a part by umit."""
        samples, ends, asked, counted_then = self.samples[part], [], [], {}
        batches = SampleBatches(samples, CARD, self.encoder, self.batch, seed=0)
        steps = len(samples) // self.batch
        model = self.model()

        def rows(step: int) -> list[Any]:
            asked.append(batches(step))
            return asked[-1]

        def tell(step: int, loss: float) -> bool:
            ends.append(time.process_time())
            if step == steps:
                counted_then.update(counts)
            return True

        # One step more than is measured: behind the last one weights are saved, which the other arm doesn't do.
        settings = Hyperparameters(steps=steps + 1, learning_rate=2e-5, warmup=1, log_every=1, save_every=steps + 1)
        with tempfile.TemporaryDirectory() as state, counted(model) as counts:
            train_stage(
                model, rows, encoder=self.encoder, stage=INSTRUCT, settings=settings, folder=Path(state), tell=tell,
                kept=kept,
            )  # fmt: skip
        tokens = sum(len(row.ids) for rows in asked[:steps] for row in merged(rows))
        counted_then["padded_tokens"] = counted_then["tokens"] - tokens
        return {**counted_then, "rate": (steps - 1) * self.batch / (ends[steps - 1] - ends[0])}

    def trl(self, part: slice) -> dict[str, float]:
        """Take a part by TRL."""
        model, rows = self.model(), self.rows[part]
        with tempfile.TemporaryDirectory() as state, counted(model) as counts:
            spent = trl_sft.steps(model, self.folder, rows, batch=self.batch, work=Path(state))
        return {**counts, "rate": (len(rows) - self.batch) / sum(spent)}

    def swift(self, part: slice, python: str) -> dict[str, float]:
        """Take a part by ms-swift, in a process of its own."""
        model, samples = self.model(), self.samples[part]
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            shutil.copytree(self.folder, here / "start")
            model.save_pretrained(here / "start")
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in swift_rows(samples, self.rows[part]))
            (here / "rows.jsonl").write_text(text, "utf-8")
            command = [
                python,
                SWIFT,
                here / "start",
                here / "rows.jsonl",
                here / "out.json",
                str(self.batch),
                "--frozen",
            ]
            subprocess.run(list(map(str, command)), check=True, capture_output=True)
            found = json.loads((here / "out.json").read_text("utf-8"))
        SWIFT_VERSIONS.update(found["versions"])
        rows = [self._with_newline(row) for row in SampleBatches(samples, CARD, self.encoder, self.batch)(0)]
        with torch.no_grad():
            mine = float(answer_loss(model.eval(), collate(rows, image_pad=self.encoder.image_pad))[0])
        if abs(mine - found["first_loss"]) > 0.02 * mine:
            raise SystemExit(f"ms-swift's loss of the first step is {found['first_loss']}, umit's {mine}")
        whole = found["seconds"][: len(samples) // self.batch - 1]  # the last step may have fewer
        first = {"swift": found["first_loss"], "umit": mine}
        return {**first, "rate": len(whole) * self.batch / sum(whole)}

    def _with_newline(self, row: PackedRow) -> PackedRow:
        """Return a row of one question that also teaches the newline behind the end token, as ms-swift 4 does."""
        ids = np.append(row.ids, self.encoder.ids(["\n"]))
        return PackedRow(row.frames, ids, np.append(row.segments, 1), np.append(row.taught, True), row.name)

    def apart(self) -> float:
        """Return the largest difference between the arms' losses of some samples, each by itself."""
        model = self.model().eval()
        places = range(0, len(self.samples), max(1, len(self.samples) // CHECKED))
        theirs = trl_sft.losses(model, self.folder, [self.rows[place] for place in places])
        batches = SampleBatches([self.samples[place] for place in places], CARD, self.encoder, self.batch)
        mine = [one for step in range(len(places) // self.batch) for one in self._losses(model, merged(batches(step)))]
        return max(abs(a - b) for a, b in zip(sorted(mine), sorted(theirs[: len(mine)]), strict=True))

    def _losses(self, model: Any, rows: list[Any]) -> list[float]:
        """Return the mean loss of each question of a batch."""
        batch = collate(rows, image_pad=self.encoder.image_pad)
        with torch.no_grad():
            logits = answer_loss(model, batch)[1]
        labels = batch["labels"][:, 1:]
        each = functional.cross_entropy(logits, labels[labels != IGNORED], reduction="none")
        sizes = [int(row.taught[row.segments == k].sum()) for row in rows for k in range(1, row.segments.max() + 1)]
        return [float(piece.mean()) for piece in torch.split(each, sizes)]


@contextmanager
def counted(model: Any) -> Iterator[dict[str, float]]:
    """Count what a model is made to do."""
    counts = {"vision_calls": 0, "patches": 0, "tokens": 0, "padded_tokens": 0, "logit_rows": 0}

    def vision(module: Any, args: Any) -> None:
        counts["vision_calls"] += 1
        counts["patches"] += args[0].shape[:-1].numel()

    def language(module: Any, args: Any, kwargs: Any) -> None:
        counts["tokens"] += kwargs["inputs_embeds"].shape[:2].numel()
        mask = kwargs["attention_mask"]
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:  # TRL's
            counts["padded_tokens"] += int((mask == 0).sum())

    def head(module: Any, args: Any) -> None:
        counts["logit_rows"] += args[0].shape[:-1].numel()

    hooks = [
        model.model.visual.blocks[0].norm1.register_forward_pre_hook(vision),
        model.model.language_model.register_forward_pre_hook(language, with_kwargs=True),
        model.lm_head.register_forward_pre_hook(head),
    ]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def compare(arms: Arms, pairs: int, target: float, swift: str | None) -> dict[str, Any]:
    """Compare losses, then take each part of the data by each arm."""
    if (apart := arms.apart()) > 1e-5:
        raise SystemExit(f"losses of the same samples differ by {apart}")
    size = len(arms.samples) // pairs
    found: dict[str, list[dict[str, float]]] = {"umit": [], "trl": []}
    if arms.shared:
        found["umit_kept_features"] = []
    for number in range(pairs):
        part = slice(number * size, (number + 1) * size)
        with tempfile.TemporaryDirectory() as folder:
            found["umit"].append(arms.umit(part))
            found["trl"].append(arms.trl(part))
            if "umit_kept_features" in found:
                arms.umit(part, Kept(folder))
                found["umit_kept_features"].append(arms.umit(part, Kept(folder)))
        if swift:
            found.setdefault("swift", []).append(arms.swift(part, swift))
        print({name: round(runs[-1]["rate"], 2) for name, runs in found.items()}, flush=True)
    counters = {
        name: {key: int(sum(run[key] for run in runs)) for key in runs[0] if key != "rate"}
        for name, runs in found.items()
        if name != "swift"  # its process counts nothing
    }
    rates = {name: [run["rate"] for run in runs] for name, runs in found.items()}
    ratios = {name: quartiles([a / b for a, b in zip(rates[name], rates["trl"], strict=True)]) for name in rates}
    padded = counters["umit"]["padded_tokens"] / counters["umit"]["tokens"]
    return {
        "samples": size * pairs, "pairs": pairs, "largest_difference_of_losses": round(apart, 8), "counters": counters,
        "padded_share": {
            name: round(count["padded_tokens"] / max(1, count["tokens"]), 4) for name, count in counters.items()
        },
        "samples_a_cpu_second": {name: quartiles(of) for name, of in rates.items()},
        "times_trl": {name: ratio for name, ratio in ratios.items() if name != "trl"},
        "first_losses": {key: [round(run[key], 4) for run in found.get("swift", [])] for key in ("swift", "umit")},
        **({"times_swift": quartiles([a / b for a, b in zip(rates["umit"], rates["swift"], strict=True)])} if swift else {}),
        "target": target, "met": ratios["umit"]["median"] >= target, "padding_met": padded <= PADDED,
    }  # fmt: skip


def quartiles(values: list[float]) -> dict[str, float]:
    """Return the median and what lies a quarter away from it."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": round(middle, 2), "low": round(low, 2), "high": round(high, 2)}


def main() -> int:
    """Compare, count, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--pictures", type=int, default=14, help="of twenty questions each")
    parser.add_argument("--samples", type=int, default=336, help="of one question each")
    parser.add_argument("--slake", type=Path, help="folder with SLAKE's train.json")
    parser.add_argument("--swift", help="Python of an environment with ms-swift")
    parser.add_argument("--only", choices=TARGETS, help="one data set; nothing is written")
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    shared = os.environ.get("UMIT_SHARED")
    rows = given.slake or (Path(shared) / "samples/slake" if shared else None)
    load, started = os.getloadavg()[0], time.process_time()
    record: dict[str, Any] = {}
    for name in [given.only] if given.only else TARGETS:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            if name == "slake_rows" and rows is None:
                record[name] = None
                continue
            samples = {
                "slake_like": lambda work=work: slake_like(work, given.pictures),
                "slake_rows": lambda work=work: slake(work, rows, given.pictures),
                "mixed": lambda work=work: mixed(work, given.samples),
            }[name]()
            record[name] = compare(Arms(samples, work, BATCH), given.pairs, TARGETS[name], given.swift)
            print(json.dumps({name: record[name]}, indent=2), flush=True)
    packages = ("umit", "torch", "transformers", "trl", "accelerate", "numpy")
    record |= {
        "samples_a_step": BATCH, "cpu_seconds_in_all": round(time.process_time() - started),
        "load": {"before": round(load, 2), "after": round(os.getloadavg()[0], 2)}, "processors": os.cpu_count(),
        "versions": {name: metadata.version(name) for name in packages} | {"python": platform.python_version()},
        "versions_of_swift": SWIFT_VERSIONS,
    }  # fmt: skip
    if not given.only:
        RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
