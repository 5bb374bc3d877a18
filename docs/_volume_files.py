"""Write ``reference/volume-files.md``: what umit makes of the volumes in nibabel's own test data.

Run ``python docs/_volume_files.py`` after changing a reader; a test holds the page against the code.
"""

from __future__ import annotations

from pathlib import Path

import nibabel

from umit.errors import InputError
from umit.imaging.read import load
from umit.imaging.scan import Scan

PAGE = Path(__file__).parent / "reference" / "volume-files.md"
DATA = Path(nibabel.__file__).parent / "tests" / "data"
KINDS = (".nii", ".nii.gz", ".hdr", ".mnc", ".mgh", ".mgz")

HEAD = f"""<!-- Written by docs/_volume_files.py; do not edit by hand. -->

# Volume files that were opened

Every NIfTI, MINC, Analyze and MGH file that nibabel {nibabel.__version__} carries for its own tests, through
`umit.load`. Each is read, or refused with a reason.

- **NIfTI** (`.nii`, `.nii.gz`) is read. The grid is the sform's, else the qform's; the qform's too where it is the
  scanner's and the sform a template's. With neither, left and right are not known and millimetres are refused; so they
  are where `pixdim` holds a 0. Extensions are never opened: they may hold a name.
- **MGH** (`.mgh`, `.mgz`) is read. Its affine is RAS+ already; without one there are no millimetres either.
- **Analyze** and NIfTI pairs (`.hdr` with `.img`) are refused: Analyze records no orientation, and a pair is
  lost when one file is. Convert them to `.nii.gz`.
- **MINC** (`.mnc`) is refused. Convert it with MINC's own `mnc2nii`.
- **NRRD** and **MetaImage** are read with `pip install "umit[itk]"`; nibabel carries none.

Four dimensions need `frame=`; the table shows what is said without it, and then frame 0.

| File | Outcome | Size | Numbers | Orientation | Said |
|---|---|---|---|---|---|
"""


def files() -> list[Path]:
    """Return the volumes of the installed nibabel, by name."""
    return sorted(path for path in DATA.iterdir() if path.name.endswith(KINDS))


def outcome(path: Path) -> list[str]:
    """Return the table's row of one file, and one more where a volume had to be chosen."""
    try:
        return [_row(path.name, load(path))]
    except InputError as error:
        refused = f"| `{path.name}` | refused: `{error.code}` | | | | {error.message}. {error.hint} |"
        if error.code != "multi_frame":
            return [refused]
    return [refused, _row(f"{path.name}", load(path, frame=0), ", `frame=0`")]


def _row(name: str, scan: Scan, choice: str = "") -> str:
    size = " × ".join(map(str, scan.size))
    where = f"{scan.orientation}, {scan.affine_source}" if scan.affine else "not known"
    said = "; ".join(scan.warnings)
    return f"| `{name}`{choice} | read | {size} | {scan.voxels.dtype} | {where} | {said} |"


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(row for path in files() for row in outcome(path)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
