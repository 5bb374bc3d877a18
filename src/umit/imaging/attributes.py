"""What a DICOM header says, in the forms that the readers need."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from umit.errors import MissingMetadataError

__all__ = ["Header", "file_name", "functional", "numbers", "sop_class", "values", "whole", "words"]

Header: TypeAlias = Any  # pydicom.Dataset, which is not typed


def functional(header: Header, frame: int, sequence: str) -> Header:
    """Return what an enhanced file says of one frame, else of all frames, else the file itself."""
    each, shared = header.get("PerFrameFunctionalGroupsSequence"), None
    if each and frame < len(each):
        shared = each[frame].get(sequence)
    if not shared and header.get("SharedFunctionalGroupsSequence"):
        shared = header.SharedFunctionalGroupsSequence[0].get(sequence)
    return shared[0] if shared else header


def values(header: Header, tag: str) -> list[Any]:
    """Return all that a tag holds, one value or many."""
    value = header.get(tag)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, str | int | float) else list(value)


def numbers(header: Header, tag: str, count: int) -> list[float]:
    """Return a tag's numbers."""
    found = [float(number) for number in values(header, tag)]
    if len(found) != count or not np.isfinite(found).all():
        raise MissingMetadataError(
            f"expected {count} numbers in {tag}, which places a slice, got {len(found)}",
            code="position",
            hint="Pass one file as a film, or choose a frame with umit.load(..., frame=k).",
        )
    return found


def whole(header: Header, tag: str) -> int | None:
    """Return a tag's value where it is one whole number."""
    value = header.get(tag)
    return int(value) if isinstance(value, int) else None


def words(tag: Any) -> str:
    """Return a tag's name in the standard, in small letters and without its "Vector"."""
    from pydicom.datadict import dictionary_description

    try:
        return str(dictionary_description(tag)).removesuffix(" Vector").lower()
    except (KeyError, TypeError, ValueError):
        return "a private attribute"


def sop_class(header: Header) -> str:
    """Return the UID of an object's SOP class, or ``""``."""
    meta = getattr(header, "file_meta", None) or {}
    return str(header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or "")


def file_name(header: Header) -> str:
    """Return the base name of the file that a header was read from."""
    return Path(str(getattr(header, "filename", "") or "")).name
