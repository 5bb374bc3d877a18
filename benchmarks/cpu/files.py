"""Two hundred files to model patches: umit beside Hugging Face's PIL processor, one file after another.

    python benchmarks/cpu/files.py

Fifty each of RGB JPEG, 8-bit and 16-bit grey PNG and raw 12-bit DICOM, 1024 × 1024, made by code. Equal patches are
checked first: shapes, and the largest difference before normalisation. Then process CPU time, the smallest of
several runs of each arm in turn, and its ratio. Writes ``benchmarks/results/files.json``.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from umit.engine.families import QWEN2_VL
from umit.engine.pixels import patches
from umit.imaging.read import load
from umit.imaging.view import Rendering, render
from umit.phantom import draw_film

RESULTS = Path(__file__).parents[1] / "results" / "files.json"
RENDERING = Rendering(frame=None)
SIDE, EACH, RUNS = 1024, 50, 3
KINDS = ("jpeg", "png8", "png16", "dicom")
Array = NDArray[Any]


def write(folder: Path) -> dict[str, list[Path]]:
    """Write the files, no two alike."""
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for number in range(EACH):
        rng = np.random.default_rng(number)
        film = Image.fromarray(draw_film(number).pixels).resize((SIDE, SIDE))
        grey = np.asarray(film)
        deep = (grey.astype(np.uint16) << 4) + rng.integers(0, 16, grey.shape, np.uint16)
        rgb = np.stack([grey, grey // 2 + 40, 255 - grey], axis=-1)
        for kind, picture in (("jpeg", rgb), ("png8", grey), ("png16", deep)):
            path = folder / f"{number}.{'jpg' if kind == 'jpeg' else kind + '.png'}"
            Image.fromarray(picture).save(path, **({"quality": 90} if kind == "jpeg" else {}))
            found[kind].append(path)
        found["dicom"].append(_dicom(folder / f"{number}.dcm", deep))
    return found


def _dicom(path: Path, pixels: Array) -> Path:
    from pydicom import FileDataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    data = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    data.Modality, data.SamplesPerPixel, data.PhotometricInterpretation = "DX", 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.WindowCenter, data.WindowWidth = 2048, 4096
    data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OW"
    data.save_as(path, enforce_file_format=True)
    return path


def ours(path: Path) -> Array:
    """One file through umit."""
    return patches(render(load(path), RENDERING).frames, QWEN2_VL)


class Reference:
    """PIL or pydicom, the window by hand, and the processor of transformers."""

    def __init__(self) -> None:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

        size = {"shortest_edge": RENDERING.min_pixels, "longest_edge": RENDERING.max_pixels}
        self.processor = Qwen2VLImageProcessorPil(size=size)

    def __call__(self, path: Path) -> Array:
        """One file through the reference."""
        return np.asarray(self.processor(self.picture(path), return_tensors="np").pixel_values)

    @staticmethod
    def picture(path: Path) -> Image.Image:
        """Open and window one file by hand."""
        if path.suffix == ".dcm":
            from pydicom import dcmread

            data = dcmread(path)
            centre, width = float(data.WindowCenter) - 0.5, float(data.WindowWidth) - 1
            return _shown(data.pixel_array, centre - width / 2, centre + width / 2)
        image = Image.open(path)
        if image.mode.startswith("I"):
            values = np.asarray(image)
            return _shown(values, *np.percentile(values, (0.5, 99.5)))
        return image.convert("RGB")


def _shown(values: Array, low: float, high: float) -> Image.Image:
    levels = np.clip((values.astype(np.float64) - low) / (high - low) * 255, 0, 255)
    return Image.fromarray(np.rint(levels).astype(np.uint8)).convert("RGB")


def apart(a: Array, b: Array) -> float:
    """Largest difference of two arrays of patches, in grey levels before normalisation."""
    scale = 255 * np.array(QWEN2_VL.std)
    return float(np.abs((a - b).reshape(len(a), 3, -1) * scale[:, None]).max())


def spent(arm: Callable[[Path], Array], paths: Sequence[Path]) -> float:
    """Process CPU seconds of an arm over some files."""
    began = time.process_time()
    for path in paths:
        arm(path)
    return time.process_time() - began


def _part(paths: Sequence[Path]) -> float:
    return spent(ours, paths)


def two_workers(paths: Sequence[Path]) -> float:
    """Return how many times faster two processes are than one, by the wall clock."""
    halves = [paths[0::2], paths[1::2]]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_part, [half[:2] for half in halves]))  # imports
        ratios = []
        for _ in range(RUNS):
            began = time.perf_counter()
            pool.submit(_part, paths).result()
            alone = time.perf_counter() - began
            began = time.perf_counter()
            list(pool.map(_part, halves))
            ratios.append(alone / (time.perf_counter() - began))
    return sorted(ratios)[len(ratios) // 2]


def main() -> int:
    """Measure, print, write."""
    reference = Reference()
    rows: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        files = write(Path(name))
        for kind, paths in files.items():
            far = 0.0
            for path in paths[:5]:
                a, b = ours(path), reference(path)
                if a.shape != b.shape:
                    raise SystemExit(f"{path.name}: {a.shape} and {b.shape}")
                far = max(far, apart(a, b))
            times = [(spent(ours, paths), spent(reference, paths)) for _ in range(RUNS)]
            mine, theirs = (min(column) for column in zip(*times, strict=True))
            rows[kind] = {
                "umit_ms": round(1000 * mine / EACH, 2), "reference_ms": round(1000 * theirs / EACH, 2),
                "ratio": round(theirs / mine, 2), "apart_grey_levels": round(far, 3),
            }  # fmt: skip
        mixed = [path for group in zip(*files.values(), strict=True) for path in group]
        workers = round(two_workers(mixed), 2)
    whole = [sum(row[key] for row in rows.values()) for key in ("umit_ms", "reference_ms")]
    record = {
        "files": rows,
        "mix": {"ratio": round(whole[1] / whole[0], 2), "two_workers": workers},
        "versions": {n: metadata.version(n) for n in ("numpy", "pillow", "pydicom", "transformers")},
        "python": platform.python_version(),
    }
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(record, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
