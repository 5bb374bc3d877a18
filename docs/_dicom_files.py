"""Write ``reference/dicom-files.md``: every DICOM file inside the pydicom package, read or refused.

Run ``python docs/_dicom_files.py`` after changing the reader; a test holds the page against it. The
decoders of ``umit[codecs]`` must be installed.
"""

from __future__ import annotations

from pathlib import Path

import pydicom

from umit.errors import InputError
from umit.imaging.read import load

PAGE = Path(__file__).parent / "reference" / "dicom-files.md"
#: What lies inside the installed package; nothing is ever fetched.
FOLDER = Path(pydicom.__file__).parent / "data"


def files() -> list[Path]:
    """Return the DICOM files in the package, by name or by their first bytes."""
    found = [path for path in FOLDER.rglob("*") if path.is_file()]
    return sorted(path for path in found if path.suffix == ".dcm" or _has_preamble(path))


def folders() -> list[Path]:
    """Return the folders that hold several of them under names without an ending: series."""
    found = [path.parent for path in files() if not path.suffix and path.name[:8] != "DICOMDIR"]
    return sorted({folder for folder in found if found.count(folder) > 1})


def _has_preamble(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def outcome(path: Path) -> tuple[str, str]:
    """Return whether a file is read, and its shape and kind of number, or why it is not.

    Any error but an ``InputError`` is let through.
    """
    try:
        scan = load(path)
    except InputError as error:
        return f"refused: {error.code}", error.message
    return "read", f"{' × '.join(map(str, scan.voxels.shape))}, {scan.voxels.dtype}"


def table(paths: list[Path]) -> list[str]:
    """Return one row for each."""
    rows = [(path.relative_to(FOLDER).as_posix(), *outcome(path)) for path in paths]
    return [f"| `{name}` | {result} | {detail} |" for name, result, detail in rows]


def page() -> str:
    """Return the whole page."""
    rows = table(files())
    count = sum("| read |" in row for row in rows)
    lines = [
        "<!-- Written by docs/_dicom_files.py; do not edit by hand. -->",
        "",
        "# DICOM files",
        "",
        f"The {len(rows)} DICOM files inside pydicom {pydicom.__version__}'s own package, opened with `umit.load` and",
        f"the decoders of `umit[codecs]`: {count} are read, {len(rows) - count} are refused with an `InputError`. None crashes or",
        "hangs. Many were made to be broken, or hold no picture.",
        "",
        "A shape is slices × rows × columns, and × 3 for colours.",
        "",
        "| File | Outcome | Shape, or reason |",
        "|---|---|---|",
        *rows,
        "",
        "The folders among them, opened as series:",
        "",
        "| Folder | Outcome | Shape, or reason |",
        "|---|---|---|",
        *table(folders()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
