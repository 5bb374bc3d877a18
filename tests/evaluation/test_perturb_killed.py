"""``umit evaluate --perturb`` killed at random: every answer under every change once, and the same card."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from umit.evaluation.journal import LINES
from umit.evaluation.perturb import CHANGES
from umit.evaluation.robustness import FOLDER

from ..datasets.layouts.draw import picture

KILLS = [2, pytest.param(6, marks=pytest.mark.long)]
#: The command itself; in place of weights, answers that depend on every pixel and on every word.
_WORKER = """
import sys, time, zlib
from umit.chat import spell
from umit.checkpoints import PHANTOM
from umit.cli import main
from umit.model import UMIT
from umit.testing import ScriptedBackend

def reply(request):
    print("answered", flush=True)
    time.sleep(0.004)
    number = zlib.crc32(request.frames[0].tobytes() + spell(request.words).encode())
    words = [spell(option) for option in request.options] or ["left lung", "right lung"]
    return words[number % len(words)]

UMIT.from_pretrained = staticmethod(lambda *given, **more: UMIT(ScriptedBackend(reply), PHANTOM))
sys.exit(main(sys.argv[1:]))
"""


def _write(root: Path) -> None:
    """SLAKE of four pictures of two organs, three questions each."""
    asked = [
        ("Which lung is abnormal?", "left lung", "OPEN"),
        ("Is the heart on the left?", "Yes", "CLOSED"),
        ("Is the left ventricle large?", "No", "CLOSED"),  # has no known flip
    ]
    rows = [
        {
            "img_id": n, "img_name": f"xmlab{n}/source.jpg", "question": question, "answer": answer,
            "q_lang": "en", "location": ("Lung", "Abdomen")[n % 2], "modality": ("CT", "MRI")[n % 2],
            "answer_type": kind, "base_type": "vqa", "content_type": "Organ",
            "triple": ["vhead", "_", "_"], "qid": 10 * n + k,
        }
        for n in range(4)
        for k, (question, answer, kind) in enumerate(asked)
    ]  # fmt: skip
    root.mkdir()
    (root / "test.json").write_text(json.dumps(rows), "utf-8")
    for n in range(4):
        picture(root / "imgs" / f"xmlab{n}" / "source.jpg", seed=n)


def _start(root: Path, run: Path) -> subprocess.Popen[str]:
    given = ["evaluate", "slake", "--root", str(root), "--run", str(run), "--split", "test", "--perturb"]  # fmt: skip
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", _WORKER, *given], stdout=subprocess.PIPE, text=True)


def _journals(run: Path) -> dict[str, list[bytes]]:
    """Return the whole lines of every journal."""
    found = {}
    for path in sorted(run.rglob(LINES)):
        lines = path.read_bytes().splitlines(keepends=True)
        found[path.parent.relative_to(run).as_posix()] = [k for k in lines if k.endswith(b"\n")]
    return found


def _once(run: Path) -> set[tuple[str, bytes]]:
    journals = _journals(run)
    for name, lines in journals.items():
        assert len(lines) == len(set(lines)) == len({json.loads(k)["id"] for k in lines}), name
    return {(name, line) for name, lines in journals.items() for line in lines}


@pytest.mark.slow
@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_killed_at_random_the_card_is_the_same(tmp_path: Path, kills: int) -> None:
    root, run, whole = tmp_path / "in", tmp_path / "run", tmp_path / "whole"
    _write(root)
    assert _start(root, whole).communicate() and (whole / "robustness.json").is_file()
    rng, seen = random.Random(11), set[tuple[str, bytes]]()
    for kill in range(kills):
        worker = _start(root, run)
        assert worker.stdout is not None
        for _ in range(rng.randint(1, 12)):
            worker.stdout.readline()
        time.sleep(rng.random() * 0.008)
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
        assert worker.returncode == -signal.SIGKILL, f"kill {kill} came too late to be one"
        now = _once(run)
        assert seen <= now, "an answer is gone"
        seen = now
    assert not (run / "robustness.json").exists() and len(seen) > kills
    last = _start(root, run)
    last.communicate()
    assert last.returncode == 0
    assert _once(run) == _once(whole) > seen
    assert set(_journals(run)) == {".", *(f"{FOLDER}/{name}" for name in (*CHANGES, "wrong-organ"))}
    for name in ("robustness.json", "robustness.md"):
        assert (run / name).read_bytes() == (whole / name).read_bytes()
    for path in whole.rglob("left_out.json"):
        assert path.read_bytes() == (run / path.relative_to(whole)).read_bytes()
    assert b"left out" in (run / "robustness.md").read_bytes(), "the ventricles"
