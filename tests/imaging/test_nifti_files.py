"""nibabel's own volumes: each read or refused, as the committed page says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import nibabel
import numpy as np
import pytest

from umit.errors import InputError
from umit.imaging.read import load

_ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    path = _ROOT / "docs/_volume_files.py"
    spec = importlib.util.spec_from_file_location("volume_files", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_code_does(pages: ModuleType) -> None:
    committed = pages.PAGE.read_text(encoding="utf-8")
    if f"nibabel {nibabel.__version__} " not in committed:
        pytest.skip("the page was written with another nibabel")
    assert committed == pages.page()


def test_there_is_something_of_each_kind(pages: ModuleType) -> None:
    names = [path.name for path in pages.files()]
    assert all(any(name.endswith(kind) for name in names) for kind in (".nii", ".hdr", ".mnc"))
    assert len(names) >= 15


def test_what_is_read_is_what_nibabel_reads(pages: ModuleType) -> None:
    read = 0
    for path in pages.files():
        try:
            scan = load(path)
        except InputError as error:
            if error.code != "multi_frame":
                continue
            scan = load(path, frame=0)
        image = nibabel.load(path)
        values = np.asarray(image.dataobj)
        first = values.reshape((*values.shape[:3], -1), order="F")[..., 0]
        assert np.allclose(scan.voxels, first.T, atol=1e-6, equal_nan=True)
        assert scan.affine is None or np.allclose(scan.affine, image.affine, atol=1e-4)
        read += 1
    assert read >= 8
