"""What ``import umit`` offers, and how little it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import umit

HEAVY = ["numpy", "torch", "transformers", "trl", "datasets", "PIL", "shapely", "pydicom", "nibabel", "tqdm"]


def test_importing_loads_nothing_heavy() -> None:
    script = (
        f"import sys; sys.path[:] = {sys.path!r}; import umit, umit.errors; dir(umit); umit.UMIT, umit.CEPHALOMETRIC; "
        f"print([n for n in {HEAVY!r} if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_every_name_is_there() -> None:
    for name in umit.__all__:
        assert getattr(umit, name) is not None
        assert name in dir(umit)


def test_names_are_sorted_and_distinct() -> None:
    assert len(set(umit.__all__)) == len(umit.__all__)


def test_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        umit.nonsense  # noqa: B018


def test_version_is_a_version() -> None:
    assert umit.__version__[0].isdigit()
