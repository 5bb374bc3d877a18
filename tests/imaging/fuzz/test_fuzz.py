"""A damaged file is read or refused: nothing else is raised, nothing hangs, nothing dies.

200 mutations of each fixture in the default checks; ``nox -s fuzz`` takes 2,000 and writes what came of them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from . import guided
from .mutate import LARGEST, damaged, fixtures
from .reader import SECONDS

COUNT = int(os.environ.get("UMIT_FUZZ") or 200)
RESULT = os.environ.get("UMIT_FUZZ_RESULT")
HANG = 60.0  # seconds by the clock without an answer: it waits, or the machine is very busy
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory the way of Linux")


PROGRAM = Path(__file__).with_name("reader.py")


class Reader:
    """A long-lived process that reads files, started anew when it dies or hangs."""

    def __init__(self, program: Path = PROGRAM) -> None:
        self.program = program
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> tuple[str, float]:
        """Return what came of a file, and the seconds of processor time it took."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(self.program)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], HANG)
        said, _, seconds = (self.process.stdout.readline() if ready else "").partition(" ")
        if said:
            return said, float(seconds)
        if not ready:
            self.close()
            return "hung", SECONDS
        over = self.process.wait() == -signal.SIGPROF
        self.close()
        return f"took over {SECONDS:g} s" if over else "died", SECONDS

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


@pytest.fixture(scope="module")
def whole(dicom: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return fixtures(dicom, tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def tally() -> Any:
    found: dict[str, dict[str, float]] = {}
    yield found
    if RESULT:
        packages = ("numpy", "pillow", "pydicom", "nibabel", "simpleitk")
        record = {
            "mutations": COUNT,
            "seconds": "of the reader's own processor time",
            "outcomes": found,
            "versions": {name: metadata.version(name) for name in packages},
        }
        Path(RESULT).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


NAMES = (
    "picture.jpg", "picture.bmp", "picture.gif", "picture.webp", "picture.tif", "grey.png",
    "deep.png", "raw.dcm", "rle.dcm", "enhanced.dcm", "volume.nii", "volume.nii.gz", "volume.mgz",
    "volume.mha", "volume.nrrd", "packed.nrrd",
)  # fmt: skip


def test_every_fixture_is_fuzzed(whole: dict[str, bytes]) -> None:
    assert set(whole) == set(NAMES)
    assert max(map(len, whole.values())) <= LARGEST


@pytest.mark.slow  # all of them together
@pytest.mark.parametrize("name", NAMES)
def test_damage_is_read_or_refused(name: str, whole: dict[str, bytes], tally: dict[str, Any], tmp_path: Path) -> None:
    if name.endswith((".mha", ".nrrd")) and importlib.util.find_spec("SimpleITK") is None:
        pytest.skip('needs pip install "umit[itk]"')  # every file would be refused, damaged or not
    reader, path = Reader(), tmp_path / name
    slowest = 0.0
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    try:
        path.write_bytes(whole[name])
        alone, _ = reader(path)
        for number, data in enumerate(damaged(whole[name], COUNT, seed=NAMES.index(name))):
            path.write_bytes(data)
            said, seconds = reader(path)
            slowest = max(slowest, seconds)
            counts[said] += 1
            if said not in ("read", "refused"):
                wrong.append(f"mutation {number}: {said}")
    finally:
        reader.close()
    tally[name] = {**dict(sorted(counts.items())), "slowest_s": slowest}
    assert alone == "read"
    assert not wrong, wrong[:5]
    assert counts["refused"] > 0


STUCK = """
import contextlib, sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import reader

def outcome(path):
    return {{"spins": spins, "waits": waits, "dies": sys.exit}}.get(Path(path).stem, lambda: "read")()

def spins():
    with contextlib.suppress(BaseException):  # Python cannot keep the signal out
        while True:
            pass

def waits():
    time.sleep(3 * reader.SECONDS)  # by the clock: a machine that is busy with others
    return "read"

reader.outcome, reader.SECONDS = outcome, 0.3
reader.main()
"""


@pytest.mark.slow  # waits out the limit
def test_only_its_own_time_counts(tmp_path: Path) -> None:
    """The limit itself: a file that keeps the processor is caught, one that waits for it is not."""
    program = tmp_path / "stuck.py"
    program.write_text(STUCK.format(folder=str(PROGRAM.parent)), encoding="utf-8")
    reader = Reader(program)
    try:
        said = [reader(Path(name))[0] for name in ("fine", "spins", "fine", "waits", "dies", "fine")]
    finally:
        reader.close()
    assert said == ["read", f"took over {SECONDS:g} s", "read", "read", "died", "read"]


def test_guided_input_is_read_or_refused(whole: dict[str, bytes]) -> None:
    """The coverage-guided target takes any bytes; it needs atheris to be driven, not to be called."""
    for data in (b"", b"\0" * 200, b"DICM", whole["raw.dcm"], whole["grey.png"][:60]):
        guided.one_input(data)


def test_guided_fuzzing_names_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "atheris", None)
    with pytest.raises(SystemExit, match=r"pip install atheris"):
        guided.main([])
