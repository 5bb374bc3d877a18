"""Looks for files that umit neither reads nor refuses, led by which lines of the readers they reach.

    python -m tests.imaging.fuzz.guided --seconds 60

Needs ``pip install atheris``, which is no dependency of anything else here. What it finds is written to the current
folder as ``crash-*``; the whole files of ``mutate.py`` are where it starts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

INSTRUMENTED = ["umit.imaging", "pydicom", "nibabel", "PIL"]


def one_input(data: bytes) -> None:
    """Read bytes as a file; return if they are read or refused, raise what umit should not."""
    from .reader import read_or_refuse

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data)
        read_or_refuse(path)


def write_seeds(folder: Path) -> None:
    """Write the whole files that mutation starts from."""
    from ..conftest import DicomFiles
    from .mutate import fixtures

    with tempfile.TemporaryDirectory() as scratch:
        for name, whole in fixtures(DicomFiles(), Path(scratch)).items():
            (folder / name).write_bytes(whole)


def main(arguments: Sequence[str]) -> None:
    """Mutate until the time is over, a fault is found or the user interrupts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=0, help="how long; without it, for ever")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what reached new lines")
    options, others = parser.parse_known_args(arguments)
    try:
        import atheris
    except ImportError:
        raise SystemExit("expected atheris, got none installed: pip install atheris") from None
    with atheris.instrument_imports(include=INSTRUMENTED):
        from . import reader  # noqa: F401
    with tempfile.TemporaryDirectory() as temporary:
        corpus = options.corpus or Path(temporary)
        corpus.mkdir(parents=True, exist_ok=True)
        write_seeds(corpus)
        limits = [f"-max_total_time={options.seconds}", "-timeout=20", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, *others, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
