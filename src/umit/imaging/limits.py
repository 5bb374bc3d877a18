"""What one picture or volume may hold, and which of several is meant; asked before memory is taken."""

from __future__ import annotations

from umit.errors import InputError

__all__ = ["MAX_BYTES", "MAX_PIXELS", "MAX_VOXELS", "check_megapixels", "check_volume", "pick_frame"]

MAX_PIXELS = 100_000_000  # one picture, ten times the largest film; 23 KB of PNG can spell more
MAX_VOXELS = 2**30  # one volume; 1024 × 1024 × 1024, twice the longest CT in common use
MAX_BYTES = 2 * MAX_VOXELS  # one volume in memory; 2 GiB hold the largest of 16-bit numbers


def check_megapixels(rows: int, columns: int) -> None:
    """Refuse a picture over :data:`MAX_PIXELS` before memory is taken."""
    if rows * columns > MAX_PIXELS:
        raise InputError(
            f"expected at most {MAX_PIXELS // 1_000_000} megapixels, got {columns} × {rows} pixels",
            code="pixel_limit",
            hint="Export the picture at a smaller size.",
        )


def check_volume(voxels: int) -> None:
    """Refuse a volume over :data:`MAX_VOXELS` before memory is taken."""
    if voxels > MAX_VOXELS:
        raise InputError(
            f"expected at most {MAX_VOXELS} voxels, got {voxels}",
            code="volume_limit",
            hint="Choose a frame with umit.load(..., frame=k).",
        )


def pick_frame(frame: int | None, count: int) -> int:
    """Return which of several frames, pages or volumes is meant; ``None`` is fine for one."""
    if frame is None and count == 1:
        return 0
    if frame is None or not 0 <= frame < count:
        raise InputError(
            f"expected frame= of 0 to {count - 1}, got {frame}",
            code="multi_frame" if frame is None else "frame",
            hint=f"The file holds {count}; choose one with umit.load(..., frame=k).",
        )
    return frame
