"""A damaged file is read or refused: nothing else is raised, nothing hangs, nothing dies.

200 mutations of each fixture in the default checks; ``nox -s fuzz`` takes 2,000 and writes what came of them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from .mutate import LARGEST, damaged, fixtures

COUNT = int(os.environ.get("UMIT_FUZZ") or 200)
RESULT = os.environ.get("UMIT_FUZZ_RESULT")
SECONDS = 2.0  # a case; the first of a process may also import
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits memory the way of Linux")


class Reader:
    """A long-lived process that reads files, started anew when it dies or hangs."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path) -> str:
        fresh = self.process is None
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("reader.py"))],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], 60 if fresh else self.patience)
        said = self.process.stdout.readline().strip() if ready else ""
        if said:
            return said
        self.close()
        return "died" if ready else "hung"

    #: Seconds before a case counts as hung; wider than the limit, for machines that are busy.
    patience = 10 * SECONDS

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
        packages = ("numpy", "pillow", "pydicom", "nibabel")
        record = {
            "mutations": COUNT,
            "outcomes": found,
            "versions": {name: metadata.version(name) for name in packages},
        }
        Path(RESULT).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


NAMES = (
    "picture.jpg", "picture.bmp", "picture.gif", "picture.webp", "picture.tif", "grey.png",
    "deep.png", "raw.dcm", "rle.dcm", "enhanced.dcm", "volume.nii", "volume.nii.gz", "volume.mgz",
    "volume.mha",
)  # fmt: skip


def test_every_fixture_is_fuzzed(whole: dict[str, bytes]) -> None:
    assert set(whole) == set(NAMES)
    assert max(map(len, whole.values())) <= LARGEST


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_read_or_refused(
    name: str, whole: dict[str, bytes], tally: dict[str, Any], tmp_path: Path
) -> None:
    if name.endswith(".mha") and importlib.util.find_spec("SimpleITK") is None:
        pytest.skip('needs pip install "umit[itk]"')  # every file would be refused, damaged or not
    reader, path = Reader(), tmp_path / name
    slowest = 0.0
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    try:
        path.write_bytes(whole[name])
        alone = reader(path)
        for number, data in enumerate(damaged(whole[name], COUNT, seed=NAMES.index(name))):
            path.write_bytes(data)
            began = time.monotonic()
            said = reader(path)
            slowest = max(slowest, time.monotonic() - began)
            counts[said] += 1
            if said not in ("read", "refused"):
                wrong.append(f"mutation {number}: {said}")
    finally:
        reader.close()
    tally[name] = {**dict(sorted(counts.items())), "slowest_s": round(slowest, 3)}
    assert alone == "read"
    assert not wrong, wrong[:5]
    assert counts["refused"] > 0
