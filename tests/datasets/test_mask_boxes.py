"""Boxes of masks, and sparse matrices that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.datasets.mask_boxes import box_of, sparse_boxes, sparse_shape
from umit.errors import DatasetError, InputError

from .layouts.m3d_seg import save_sparse

SHAPE = (2, 5, 4, 3)


def _masks() -> np.ndarray[Any, np.dtype[np.int32]]:
    masks = np.zeros(SHAPE, np.int32)
    masks[1, 0:2, 3, 1:3] = 1
    return masks


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("mask_(2, 5, 4, 3).npz", SHAPE),
        ("mask_(2,5,4,3).npz", SHAPE),  # no blanks
        ("mask_( 2, 5,  4, 3 ).npz", SHAPE),  # more blanks
        ("mask_(5, 4, 3).npz", None),  # three axes
        ("mask_(2, 5, 4, -3).npz", None),  # a minus
        ("mask_(2, 5, 4, 3).npy", None),  # another suffix
        ("mask_1.npy", None),  # a prepared one
    ],
)
def test_the_shape_stands_in_the_name(name: str, shape: tuple[int, ...] | None) -> None:
    assert sparse_shape(name) == shape


def test_boxes_are_half_open(tmp_path: Path) -> None:
    save_sparse(tmp_path / "m.npz", _masks())
    nothing, box = sparse_boxes(tmp_path / "m.npz", SHAPE)
    assert nothing is None and box is not None and box.corners == (0, 3, 1, 2, 4, 3)


def test_a_stored_zero_is_no_voxel(tmp_path: Path) -> None:
    save_sparse(tmp_path / "m.npz", _masks(), data=np.array([0, 1, 0, 0]))
    _, box = sparse_boxes(tmp_path / "m.npz", SHAPE)
    assert box is not None and box.corners == (0, 3, 2, 1, 4, 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format": np.array(b"csc")}, r"csc \[2, 60\]"),
        ({"shape": np.array([2, 61])}, r"csr \[2, 61\]"),
        ({"shape": np.array([3, 60])}, r"csr \[3, 60\]"),
        ({"indptr": np.array([0, 4])}, "row ends"),
        ({"indptr": np.array([0, 5, 4])}, "row ends"),
        ({"indptr": np.array([1, 0, 4])}, "row ends"),
        ({"indptr": np.array([0.0, 0.0, 4.0])}, "row ends"),
        ({"indptr": np.array([0, 0, 9])}, "last end 9"),
        ({"data": np.ones(3)}, "3 values, 4 indices"),
        ({"data": np.array(1)}, "row ends"),
        ({"indices": np.array([0, 1, 2, 60])}, "an index outside"),
        ({"indices": np.array([0, 1, 2, -1])}, "an index outside"),
        ({"indices": np.array([object()] * 4)}, "ValueError"),  # a pickle is never read
        ({"data": np.zeros(1_000_000)}, "more than such a mask can fill"),  # zeros that pack well
    ],
)
def test_a_contradicting_matrix_is_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    file = tmp_path / "m.npz"
    save_sparse(file, _masks(), **changed)
    with pytest.raises(DatasetError, match=rf"{tmp_path.name}/m.npz: expected a csr .*{message}"):
        list(sparse_boxes(file, SHAPE))


def test_a_part_is_missing_or_the_file_is_no_archive(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", data=np.ones(1))
    with pytest.raises(DatasetError, match="KeyError"):
        list(sparse_boxes(tmp_path / "m.npz", SHAPE))
    np.save(tmp_path / "a.npy", np.ones(3))
    for content in (b"", b"PK\x03\x04 torn", (tmp_path / "a.npy").read_bytes()):
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(DatasetError, match="expected a csr"):
            list(sparse_boxes(tmp_path / "m.npz", SHAPE))


def test_prepared_masks(tmp_path: Path) -> None:
    file = tmp_path / "mask_0.npy"
    mask = np.zeros((1, 3, 4, 5), bool)
    mask[0, 1, 2:4, 0] = True
    np.save(file, mask)
    box = box_of(file, (5, 4, 3))
    assert box is not None and box.corners == (0, 2, 1, 1, 4, 2)
    np.save(file, np.zeros((1, 1, 1, 1), np.int8))
    assert box_of(file, (5, 4, 3)) is None, "an empty mask of any size"


@pytest.mark.parametrize("shape", [(1, 3, 5, 4), (3, 4, 5), (2, 3, 4, 5), (1, 1, 1, 1)])
def test_a_prepared_mask_of_another_shape(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "mask_0.npy", np.ones(shape, bool))
    with pytest.raises(DatasetError, match=r"mask_0.npy: expected a mask of shape \(1, 3, 4, 5\)"):
        box_of(tmp_path / "mask_0.npy", (5, 4, 3))


def test_a_missing_prepared_mask(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing there"):
        box_of(tmp_path / "mask_0.npy", (5, 4, 3))
