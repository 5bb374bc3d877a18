"""NIfTI: what a header states of lengths, what it contradicts, and what no one wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from umit.errors import MissingMetadataError
from umit.geometry import Box3D
from umit.imaging.read import load
from umit.imaging.scan import Scan

XYZ = np.random.default_rng(6).integers(0, 900, (4, 5, 6)).astype(np.int16)
OWN = np.array([[-2.0, 0, 0, 9], [0, 3.0, 0, -8], [0, 0, 4.0, 7], [0, 0, 0, 1]])
MOVED = OWN + [[0, 0, 0, 20], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
NEAR = OWN + [[0, 0, 0, 0.1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
MNI = np.array([[1.0, 0, 0, -90], [0, 1, 0, -126], [0, 0, 1, -72], [0, 0, 0, 1]])


def volume(
    path: Path,
    sform: tuple[Any, int] | None = None,
    qform: tuple[Any, int] | None = None,
    pixdim: tuple[float, ...] | None = None,
    units: int = 2,
) -> Scan:
    """Write a volume whose header says what it is told to, and read it."""
    image = nib.Nifti1Image(XYZ, None)
    image.header.set_zooms((2, 3, 4))
    image.header.set_sform(*(sform or (None, 0)))
    image.header.set_qform(*(qform or (None, 0)))
    image.header["xyzt_units"] = units
    nib.save(image, path / "a.nii")
    raw = bytearray((path / "a.nii").read_bytes())
    if pixdim:
        raw[80 : 80 + 4 * len(pixdim)] = np.array(pixdim, "<f4").tobytes()  # nifti1.h
    (path / "a.nii").write_bytes(raw)
    return load(path / "a.nii")


def notes(scan: Scan) -> list[str]:
    return [note for note in scan.warnings if not note.startswith(("window", "header"))]


# nifti1.h: codes 1 and 2 are the scanner's, 3 Talairach's, 4 MNI152's; pixdim belongs to the qform.
@pytest.mark.parametrize(
    ("sform", "qform", "source", "affine", "said"),
    [
        ((OWN, 1), (OWN, 1), "sform", OWN, None),
        ((OWN, 2), (NEAR, 1), "sform", OWN, None),  # a twentieth of a voxel
        ((OWN, 1), (MOVED, 1), "sform", OWN, "disagree by up to 20.0 mm, sform used"),
        ((OWN, 2), (MOVED, 1), "sform", OWN, "disagree by up to 20.0 mm, sform used"),
        ((OWN, 1), (MNI, 4), "sform", OWN, "and in their directions, sform used"),
        ((MNI, 3), (OWN, 1), "qform", OWN, "mm and in their directions, the sform is Talairach's space, qform used"),
        ((MNI, 4), (OWN, 1), "qform", OWN, "the sform is MNI152's space, qform used"),
        ((MNI, 5), (OWN, 2), "qform", OWN, "the sform is a template's space, qform used"),
        ((OWN, 4), (OWN, 1), "qform", OWN, None),
        ((OWN, 4), None, "sform", OWN, "millimetres are those of MNI152's space"),
        (None, (OWN, 3), "qform", OWN, "millimetres are those of Talairach's space"),
    ],
)
def test_patient_millimetres_are_the_scanner_s(
    tmp_path: Path, sform: Any, qform: Any, source: str, affine: Any, said: str | None
) -> None:
    scan = volume(tmp_path, sform, qform, (2, 3, 4))
    assert scan.affine_source == source
    assert np.allclose(scan.affine, affine)
    found = [note for note in scan.warnings if note.startswith("orientation")]
    assert len(found) == bool(said) and (said or "") in "".join(found), found


@pytest.mark.parametrize(
    ("pixdim", "said"),
    [
        ((6, 9, 12), "pixdim says 6 × 9 × 12 mm, the sform disagrees with 2 × 3 × 4 mm"),
        ((3, 3, 3), "pixdim says 3 × 3 × 3 mm, the sform disagrees with 2 × 3 × 4 mm"),
        ((2, 3, 4.2), "pixdim says 2 × 3 × 4.2 mm"),
        ((2.001, 3, 4), None),  # rounded
        ((0, 0, 0), "a length in pixdim is 0 or no number"),
    ],
)
def test_pixdim_against_the_sform(tmp_path: Path, pixdim: tuple[float, ...], said: str | None) -> None:
    """nipy/nibabel#668, neuropoly/totalspineseg#51: programs differ, so it is said."""
    scan = volume(tmp_path, (OWN, 1), None, pixdim)
    assert (scan.spacing, scan.affine_source) == ((2, 3, 4), "sform")
    assert len(notes(scan)) == bool(said) and (said or "") in "".join(notes(scan)), notes(scan)


@pytest.mark.parametrize("pixdim", [(0, 0, 0), (2, 3, 0), (2, np.nan, 4), (np.inf, 3, 4)])
@pytest.mark.parametrize("qform", [(OWN, 1), None])
def test_lengths_that_no_one_wrote(tmp_path: Path, pixdim: tuple[float, ...], qform: tuple[Any, int] | None) -> None:
    """nibabel writes 1 for 0; the directions of a qform need no lengths, and stay."""
    scan = volume(tmp_path, None, qform, pixdim)
    assert (scan.spacing, scan.affine) == (None, None)
    assert scan.orientation == ("LAS" if qform else None)
    assert not any("setting 0" in note for note in scan.warnings)
    with pytest.raises(MissingMetadataError):
        Box3D(0, 0, 0, 1, 1, 1, space=scan.space).to_mm()


@pytest.mark.parametrize(
    ("units", "factor", "said"),
    [
        (0, 1, None),  # not told: every program takes mm
        (2, 1, None),
        (10, 1, None),  # mm and seconds
        (3, 1e-3, "micron converted to mm"),
        (11, 1e-3, "micron converted to mm"),
        (1, 1e3, "meter converted to mm"),
        (5, None, "in a unit that umit does not know"),
    ],
)
@pytest.mark.parametrize("forms", [True, False])
def test_units(tmp_path: Path, units: int, factor: float | None, said: str | None, forms: bool) -> None:
    scan = volume(tmp_path, (OWN, 1) if forms else None, None, (2, 3, 4), units)
    expected = factor and pytest.approx((2 * factor, 3 * factor, 4 * factor))
    assert scan.spacing == expected
    assert (scan.affine is not None) == (forms and factor is not None)
    assert scan.orientation == ("LAS" if forms else None)
    found = [note for note in scan.warnings if note.startswith("spacing")]
    assert len(found) == bool(said) and (said or "") in "".join(found), found
