"""What a NRRD or MetaImage header says: where its numbers lie, and what is known of its grid."""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

from umit.errors import InputError, UnsupportedFormatError

__all__ = ["Header", "Lengths", "data_files", "is_placed", "lengths", "read_header"]

Header: TypeAlias = dict[str, str]

_SPELLED = ("ascii", "text", "txt")
_ENCODINGS = ("raw", "gzip", "gz", "hex", *_SPELLED)  # bzip2 has no bound on inflation
# The spaces that SimpleITK turns to LPS whatever its version. Up to 2.5.5 it takes
# left-anterior-superior for right-anterior-superior; spaces with time it never turns.
_SPACES = {"left-posterior-superior", "lps", "right-anterior-superior", "ras"}
_UNITS = {
    **dict.fromkeys(("", "?", "???", "none", "mm", "millimeter", "millimetre"), 1.0),  # none said: mm
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("um", "µm", "μm", "micron", "micrometer", "micrometre"), 1e-3),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), 1e-6),
}


def read_header(block: bytes, nrrd: bool) -> Header:
    """Read the fields of a header's first bytes, their names in lower case without spaces.

    Names of data files that follow the header stand in ``"listed"``, one a line.
    """
    text = block.decode("latin-1").replace("\r\n", "\n")
    return _nrrd_header(text) if nrrd else _meta_header(text)


def _nrrd_header(text: str) -> Header:
    found: Header = {}
    lines = text.partition("\n\n")[0].split("\n")
    for k, line in enumerate(lines[1:], 2):
        field, colon, value = line.partition(":")
        key = field.strip().lower().replace(" ", "")
        if not colon or line.startswith("#") or value.startswith("="):  # ":=" is a free remark
            continue
        if key in found:
            raise _unreadable(f"{key} twice")
        found[key] = value.strip()
        if key == "datafile" and value.strip().startswith("LIST"):
            found["listed"] = text.split("\n", k)[-1]
            break
    return found


def _meta_header(text: str) -> Header:
    """Read the lines up to ElementDataFile, behind which voxels may follow."""
    before, last, behind = text.partition("ElementDataFile")
    if not last or (before and not before.endswith("\n")):
        raise _unreadable("no line ElementDataFile")
    pairs = [re.split("[=:]", line, maxsplit=1) for line in before.split("\n")]  # MetaIO takes both
    found = {pair[0].strip().lower(): pair[1].strip() for pair in pairs if len(pair) == 2}
    named, _, found["listed"] = behind.partition("\n")
    found["datafile"] = re.sub(r"^\s*[=:]?", "", named).strip()
    return found


def data_files(header: Header, nrrd: bool, path: Path) -> tuple[list[Path], bool, bool]:
    """Return the files that hold the numbers; whether they are packed, and whether spelled in digits.

    All lie beside the header; it is its own path where the numbers follow it.
    """
    encoding = header.get("encoding", "raw").lower()
    packed, spelled = encoding[:2] == "gz", encoding in _SPELLED
    if not nrrd:
        yes = ("t", "1")
        packed = header.get("compresseddata", "")[:1].lower() in yes
        spelled = not packed and header.get("binarydata", "true")[:1].lower() not in yes
    elif encoding not in _ENCODINGS:
        raise _unreadable(f"encoding {header['encoding'][:20]!r}")
    names = _names(header, nrrd)
    return [_beside(named, path) for named in names] if names else [path], packed, spelled


def _names(header: Header, nrrd: bool) -> list[str]:
    """Return the names that a header gives its data files; SimpleITK reads them by the same rules."""
    named = header.get("datafile", "" if nrrd else "?")
    words = named.split()
    if not words or (not nrrd and named in ("LOCAL", "Local", "local")):  # MetaIO, metaImage.cxx
        return []
    if named == "-" and nrrd:
        raise _unreadable("voxels from the standard input")
    if named.startswith("LIST"):
        # Without its line's end the last name is dropped, and its slice would be what memory held.
        listed, rest = header.get("listed", "").split("\n")[:-1], words[1:]
        names = [line.strip() for line in listed]
    elif re.search(r"%\d*d", named) if nrrd else "%" in named:
        names, rest = _counted(words, nrrd, header)
    else:
        return [named]
    sizes = header.get("sizes" if nrrd else "dimsize", "").split()
    whole = words[0] == "LIST" or "%" in words[0]
    if not whole or rest not in ([], [str(len(sizes) - 1)]) or not sizes[-1:] == [str(len(names))]:
        raise _unreadable("voxels in other files than one for each slice")
    return names


def _counted(words: list[str], nrrd: bool, header: Header) -> tuple[list[str], list[str]]:
    """Return the names that a pattern such as ``slice%03d.raw 1 40 1`` spells, and what follows it."""
    pattern, *said = words
    count = header.get("sizes" if nrrd else "dimsize", "0").split()[-1]
    given = said if nrrd else [*said, *("1", count, "1")[len(said) :]]  # MetaIO's defaults
    numbers = [int(word) for word in given[:3] if re.fullmatch(r"-?\d{1,9}", word)]
    # One number and nothing else: SimpleITK hands the pattern to C's sprintf.
    if not re.fullmatch(r"[^%]*%0?\d?\d?d[^%]*", pattern) or len(numbers) < 3 or numbers[2] < 1:
        raise _unreadable("a pattern of file names that is not like slice%03d.raw 1 40 1")
    first, last, step = numbers
    most = int(count) if count.isdecimal() and not nrrd else 2**16
    return [pattern % k for k in islice(range(first, last + 1, step), most)], given[3:]


def _beside(named: str, path: Path) -> Path:
    data = path.parent / os.fsdecode(named.encode("latin-1"))
    if re.search(r"[\\:\0]", named) or data.resolve().parent != path.parent.resolve():
        raise InputError(
            "expected the plain name of a data file in the header's own folder, got a path or a link "
            "that leads elsewhere",
            code="outside",
            hint="Put both files into one folder and name the data file alone.",
        )
    if not data.is_file():
        raise InputError(
            "expected the data file that the header names beside it, got nothing there",
            code="missing",
            hint="Pass the folder's other files along.",
        )
    return data


def is_placed(header: Header, nrrd: bool) -> bool:
    """Whether the header says which way the grid runs in the patient; ITK fills in an identity."""
    if nrrd:
        return header.get("space", "").lower() in _SPACES and "spacedirections" in header
    return any(key in header for key in ("transformmatrix", "rotation", "orientation"))


class Lengths(NamedTuple):
    """What a header says of lengths; ITK takes all for mm, and fills in what is not there."""

    factors: tuple[float | None, ...]  # what turns each axis' lengths to mm; None: an unknown unit
    spaced: bool  # whether the distance between voxels is stated
    located: bool  # whether the place of the first voxel is


def lengths(header: Header, nrrd: bool) -> Lengths:
    """Return what a header says of lengths, for x, y and z."""
    if not nrrd:
        factor = _factor(header.get("distanceunits", ""))
        located = any(key in header for key in ("offset", "position", "origin"))
        spaced = "elementspacing" in header or "elementsize" in header
        return Lengths((factor,) * 3, spaced, located)
    kinds = header.get("kinds", "").split()
    spatial = [k for k, kind in enumerate(kinds) if kind in ("domain", "space")] or [0, 1, 2]
    world, axes = (
        [one.strip('"') for one in re.findall(r'"[^"]*"|\S+', header.get(key, ""))] for key in ("spaceunits", "units")
    )
    units = world or [axes[k] for k in spatial if k < len(axes)]
    steps = header.get("spacings", "").split()
    spaced = bool(steps) and all(_is_step(steps[k]) for k in spatial if k < len(steps))
    count = len(header.get("sizes", "").split())
    spaced |= header.get("spacedirections", "").count("(") >= min(3, count)  # "none" is no length
    return Lengths((*map(_factor, units), 1.0, 1.0, 1.0)[:3], spaced, "spaceorigin" in header)


def _factor(unit: str) -> float | None:
    with suppress(UnicodeDecodeError):  # the µ of latin-1 stays as it stands
        unit = unit.encode("latin-1").decode("utf-8")
    folded = unit.strip().lower()
    return _UNITS.get(folded, _UNITS.get(folded.removesuffix("s")) if len(folded) > 2 else None)


def _is_step(word: str) -> bool:
    try:
        return 0 < abs(float(word)) < math.inf
    except ValueError:
        return False


def _unreadable(got: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"expected a NRRD or MetaImage header that umit reads, got {got}",
        code="header",
        hint="Save it again as one .nrrd, .mha or .nii.gz file.",
    )
