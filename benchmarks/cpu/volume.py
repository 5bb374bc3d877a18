"""A chest CT of 512 × 512 × 300 16-bit numbers, from its file to 32 pictures: umit beside nibabel.

    python benchmarks/cpu/volume.py

Counters and equal outputs are checked first; then process CPU time and peak memory above the imports, each in a
process of its own, the smallest of several runs. Writes ``benchmarks/results/volume.json``.
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import nibabel
import numpy as np
import PIL
from PIL import Image

from umit.imaging import stream
from umit.imaging.read import load
from umit.imaging.view import Rendering, render

RESULTS = Path(__file__).parents[1] / "results" / "volume.json"
SHAPE = (300, 512, 512)
RUNS = 9
SIDE = 252  # what a frame of 256 × 256 is fed at
WINDOW = (-160.0, 240.0)  # the abdomen's, which umit chooses for a CT without a window


def make(folder: Path, slices: int) -> None:
    """Write a CT-like volume, plain and gzipped: air, a body, two lungs, noise of 20 HU."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0 : SHAPE[1], 0 : SHAPE[2]].astype(np.float32)
    lungs = [np.hypot((x - centre) / 60, (y - 250) / 90) < 1 for centre in (170, 340)]
    volume = np.empty((slices, *SHAPE[1:]), np.int16)
    for k in range(slices):
        body = np.hypot((x - 256) / (200 + 20 * np.sin(k / 40)), (y - 256) / 160) < 1
        tissue = 40 + 60 * np.sin(x / 17 + k / 9) * np.cos(y / 23)
        plane = np.where(body, np.where(lungs[0] | lungs[1], -850, tissue), -1000)
        volume[k] = np.clip(plane + rng.normal(0, 20, plane.shape), -1024, 3071)
    image = nibabel.Nifti1Image(volume.T, np.diag([-0.7, -0.7, 1.0, 1.0]))
    nibabel.save(image, folder / "ct.nii")
    with gzip.open(folder / "ct.nii.gz", "wb", compresslevel=6) as file:
        file.write((folder / "ct.nii").read_bytes())


def once(path: Path) -> None:
    """The yardstick: inflate or read the file once and keep nothing."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def once_zlib(path: Path) -> None:
    """A harder yardstick: zlib alone, without the gzip module around it."""
    with path.open("rb") as file:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        while data := member.unconsumed_tail or file.read(1 << 17):
            member.decompress(data, 1 << 20)


def reference(path: Path) -> np.ndarray:
    """What a script does: all voxels as 64-bit reals, then 32 pictures."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    values = image.get_fdata()
    count = values.shape[2]
    frames = []
    for k in range(32):
        plane = values[::-1, ::-1, (2 * k + 1) * count // 64].T  # front at the top, right on the left
        grey = (np.clip(plane, *WINDOW) - WINDOW[0]) / (WINDOW[1] - WINDOW[0]) * 255
        picture = Image.fromarray(np.round(grey).astype(np.uint8)).convert("RGB")
        frames.append(np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    return np.stack(frames)


def umit(path: Path) -> np.ndarray:
    """The same through umit."""
    return np.stack(render(load(path), Rendering(frame=(256, 256), depth=32)).frames)


def counted(path: Path) -> np.ndarray:
    """Run umit; print how many bytes it inflates and the most it holds beside the imports."""
    import tracemalloc

    inflated, pieces = 0, stream._inflated

    def counting(file, given=stream._GIVEN):
        nonlocal inflated
        for piece in pieces(file, given):
            inflated += len(piece)
            yield piece

    stream._inflated = counting
    tracemalloc.start()
    frames = umit(path)
    print(json.dumps({"inflated": inflated, "held": tracemalloc.get_traced_memory()[1]}))
    return frames


ARMS = {"once": once, "once_zlib": once_zlib, "reference": reference, "umit": umit, "counted": counted}


def peak() -> int:
    """Return the most memory this process has had resident, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this benchmark needs Linux")


def child(arm: str, path: str, out: str) -> int:
    """Run one arm after a small volume that does its imports; print what it took."""
    ARMS["umit" if arm == "counted" else arm](Path(path).parent / "small" / Path(path).name)
    before, start = peak(), time.process_time()
    made = ARMS[arm](Path(path))
    spent = time.process_time() - start
    if made is not None:
        np.save(out, made)
    print(json.dumps({"cpu_s": spent, "peak_mb": (peak() - before) / 1e6}))
    return 0


def run(arm: str, path: Path) -> list[dict[str, float]]:
    """Run one arm in a process of its own; return the lines it printed."""
    command = [sys.executable, __file__, arm, str(path), str(path.parent / f"{arm}.npy")]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet)
    return [json.loads(line) for line in done.stdout.splitlines()]


def measure(path: Path, size: int) -> dict[str, object]:
    """Measure the three arms on one file, in turn, and hold their pictures against each other."""
    counter = run("counted", path)[0]
    arms = ["once", "reference", "umit", *(["once_zlib"] if path.suffix == ".gz" else [])]
    runs = [{arm: run(arm, path)[0] for arm in arms} for _ in range(RUNS)]
    best = {arm: {key: min(each[arm][key] for each in runs) for key in ("cpu_s", "peak_mb")} for arm in runs[0]}
    frames = [np.load(path.parent / f"{arm}.npy").astype(int) for arm in ("reference", "umit")]
    apart = int(np.abs(frames[0] - frames[1]).max())
    if apart > 2:  # one level of rounding before the resize, one after
        raise SystemExit(f"pictures differ by {apart} grey levels")
    took = {arm: found["cpu_s"] for arm, found in best.items()}
    return {
        "file": path.name,
        "bytes_inflated_per_byte": round(counter["inflated"] / size, 3),
        "volumes_held_at_once": round(counter["held"] / size, 2),
        "largest_difference_grey_levels": apart,
        **{f"{arm}_{key}": round(value, 3) for arm, found in best.items() for key, value in found.items()},
        **{f"time_over_{arm}": round(took["umit"] / took[arm], 2) for arm in took if "once" in arm},
        "speed_up_over_reference": round(took["reference"] / took["umit"], 2),
        "memory_over_reference": round(best["umit"]["peak_mb"] / best["reference"]["peak_mb"], 3),
    }


def main() -> int:
    """Make the files, measure, write the results."""
    if len(sys.argv) == 4:
        return child(*sys.argv[1:])
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "small").mkdir()
        make(folder / "small", 4)
        make(folder, SHAPE[0])
        size = (folder / "ct.nii").stat().st_size
        packed = (folder / "ct.nii.gz").stat().st_size
        rows = [measure(folder / name, size) for name in ("ct.nii.gz", "ct.nii")]
    rows[1]["time_over_inflating_the_gz_once"] = round(
        float(str(rows[1]["umit_cpu_s"])) / float(str(rows[0]["once_cpu_s"])), 2
    )
    for row in rows:
        print(json.dumps(row, indent=2))
    versions = {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "nibabel": nibabel.__version__,
        "pillow": PIL.__version__,
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
    }
    sizes = {"shape_zyx": SHAPE, "plain_mb": round(size / 1e6, 1), "packed_mb": round(packed / 1e6, 1)}
    found = {"volume": sizes, "runs": RUNS, "rows": rows, "versions": versions}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
