"""M3D-Seg: one raw collection with a sparse mask, one prepared by M3D with another machine's paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .m3d_cap import volume

LOADS: list[dict[str, Any]] = [{}, {"split": "train", "language": "en"}, {"split": "test", "language": "zh"}]
#: Classes, x, y and z of the raw case; 16, 16 and 8 after the crop, so that corners are whole in the frame, too.
SHAPE = (3, 18, 16, 8)
_ELSEWHERE = "/elsewhere/somewhere/M3D_Seg_npy"


def raw_masks() -> NDArray[np.int32]:
    """Return a liver, a tumour inside it, and a class that is not there, as (class, x, y, z)."""
    masks = np.zeros(SHAPE, np.int32)
    masks[0, 4:15, 3:9, 2:7] = 1
    masks[1, 6:8, 4:5, 3:6] = 1  # overlaps the first: channels may
    return masks


def prepared_mask() -> NDArray[np.bool_]:
    """Return a mask as (1, z, y, x)."""
    mask = np.zeros((1, 32, 256, 256), bool)
    mask[0, 3:20, 68:180, 90:164] = True
    return mask


def write(root: Path) -> None:
    """Write ``M3D_Seg/0020`` and ``M3D_Seg_npy/0014``."""
    _write_raw(root / "M3D_Seg" / "0020")
    _write_prepared(root / "M3D_Seg_npy" / "0014")


def _write_raw(top: Path) -> None:
    case = top / "case.1"  # a dot, which upstream's own parser trips over
    case.mkdir(parents=True)
    masks = raw_masks()
    image = np.random.default_rng(0).normal(size=(1, *SHAPE[1:])).astype(np.float32)
    image[0, :2] = image.min()  # what M3D crops away
    np.save(case / "image.npy", image + 2 * masks[:1])
    name = f"mask_{SHAPE}.npz"
    save_sparse(case / name, masks)
    rows = [{"image": "0020/case.1/image.npy", "label": f"0020/case.1/{name}"}]
    labels = {"0": "background", "1": "liver", "2": "tumour", "3": "metal"}
    listing = {"name": "0020 Dataset", "modality": {"0": "CT"}, "labels": labels, "train": [], "test": rows}
    (top / "0020.json").write_text(json.dumps(listing), encoding="utf-8")


def _write_prepared(top: Path) -> None:
    case = top / "case1"
    (case / "masks").mkdir(parents=True)
    np.save(case / "image.npy", volume(2))
    np.save(case / "masks" / "mask_0.npy", prepared_mask())
    for absent in (1, 2):
        np.save(case / "masks" / f"mask_{absent}.npy", np.zeros((1, 1, 1, 1), np.int8))
    rows = [
        {"image": f"{_ELSEWHERE}/0014/{name}/image.npy", "label": f"{_ELSEWHERE}/0014/{name}/masks/mask_{k}.npy"}
        for name, k in (("case1", 0), ("case1", 1), ("case1", 2), ("case2", 0))
    ]  # fmt: skip
    names = ["lumbar spine L1", "lumbar spine L1", "lumbar spine L3"]
    labels = {"0": "background", **{str(k): name for k, name in enumerate(names, start=1)}}
    listing = {"name": "0014 Dataset", "labels": labels, "train": rows, "test": []}
    (top / "0014.json").write_text(json.dumps(listing), encoding="utf-8")


def save_sparse(path: Path, masks: NDArray[np.int32], **changed: Any) -> None:
    """Write what ``scipy.sparse.save_npz`` writes of a compressed-row matrix (class, voxel)."""
    flat = masks.reshape(len(masks), -1)
    rows, columns = np.nonzero(flat)
    parts = {
        "data": flat[rows, columns],
        "indices": columns.astype(np.int32),
        "indptr": np.searchsorted(rows, np.arange(len(masks) + 1)).astype(np.int32),
        "shape": np.array(flat.shape),
        "format": np.array(b"csr"),
    }
    np.savez_compressed(path, **{**parts, **changed})
