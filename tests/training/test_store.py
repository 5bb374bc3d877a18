"""Many samples lie on the disk, and are the same there; nothing is left of them."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from umit.phantom.samples import Phantoms
from umit.training.store import stored

SAMPLES = [one for one in Phantoms(first=0, count=2, languages=("en",)) if "film" in one.id]


def test_few_are_kept_and_many_are_the_same_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept, many = stored(SAMPLES), stored(iter(SAMPLES), few=2)
    assert kept == tuple(SAMPLES) and len(many) == len(SAMPLES) > 3
    ids = [one.id for one in SAMPLES]
    assert [one.id for one in many] == [one.id for one in pickle.loads(pickle.dumps(many))] == ids
    assert [one.id for one in many[1::2]] == ids[1::2] and many[-1].gold == SAMPLES[-1].gold
    with pytest.raises(IndexError):
        many[len(many)]
    assert len(list(tmp_path.iterdir())) == 1
    del many
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_leaves_the_file_and_the_end_of_the_process_does_not(tmp_path: Path) -> None:
    code = """
import os, sys
from umit.training.store import stored
many = stored(iter("abc"), few=1)
child = os.fork()
if child == 0:
    del many
    os._exit(0)
os.waitpid(child, 0)
print("".join(many))
"""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "abc\n" and not list(tmp_path.iterdir())
