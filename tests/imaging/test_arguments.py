"""Arguments of ``load`` and of a scan's own methods: every other form is refused with the one expected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.errors import InputError
from umit.imaging.read import load
from umit.imaging.scan import Scan

ZYX = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
NAN, INF = float("nan"), float("inf")

NO_WINDOWS = [
    (1, 2, 3), (40,), (), b"lung", ("a", "b"), ("40", "400"), (40, None), (NAN, 400), (40, NAN), (40, INF),
    (40, 0), (40, -1), (True, 400), 1.5, True, False, NAN, {"lung"}, {40: 400}, {40, 400}, [[40, 400]],
    ["lung"], object(), slice(40, 400), np.array(40.0), np.array([1.0, 2.0, 3.0]), (10**400, 400),
    (1e308, 1.7e308), np.bool_(True), (40 + 0j, 400), ([40], 400),
]  # fmt: skip
NO_FRAMES = ["1", 1.0, True, np.bool_(True), (1,), [0], b"0", NAN, np.array([1]), slice(1)]
NO_SLICES = [
    5, "12", b"12", (1,), (1, 2, 3), (), (0.0, 2.0), ("0", "2"), (None, 2), (True, 3), {0, 2}, {0: 2},
    slice("a", "b"), slice(0, 2.5), slice(0, 3, 0), slice(True, 3), [[0, 2]], np.array([0.0, 2.0]), object(),
    (NAN, 2), ([0], 2),
]  # fmt: skip
NO_SPACINGS = [
    0.5, 5, "111", b"111", True, (True, 1, 1), ("5", "1", "1"), (5, 1, None), (5, 1, NAN), (5, 1, INF),
    (5, 1, 0), (5, 1, -1), {5, 1, 2}, {5: 1}, np.array(5.0), [[5, 1, 1]], np.array([True, True, True]), (),
    object(), (10**400, 1, 1), ([5], 1, 1),
]  # fmt: skip
WRONG = [
    (name, value)
    for name, values in (
        ("window", NO_WINDOWS),
        ("frame", NO_FRAMES),
        ("slices", NO_SLICES),
        ("spacing", NO_SPACINGS),
        ("axes", [5, True, ["z", "y", "x"], b"zyx", ("z", "y", "x"), "", "xyzt"]),
    )
    for value in values
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda v: repr(v).partition(" at 0x")[0][:30])
def test_other_forms_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    sources = [(ZYX, {"axes": "zyx"}), (tmp_path / "a.png", {}), (Scan(ZYX), {})]
    for source, options in sources:
        with pytest.raises(InputError, match="expected") as caught:
            load(source, **{**options, name: value})
        assert caught.value.where in (name, "axes")


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ({"window": [40, 400]}, {"window": (40, 400)}),
        ({"window": np.array([40, 400])}, {"window": (40, 400)}),
        ({"window": (np.float32(40), np.int16(400))}, {"window": (40, 400)}),
        ({"slices": [1, 3]}, {"slices": (1, 3)}),
        ({"slices": (np.int64(1), np.uint8(3))}, {"slices": (1, 3)}),
        ({"slices": np.array([1, 3])}, {"slices": (1, 3)}),
        ({"slices": slice(np.int16(1), None)}, {"slices": (1, 3)}),
        ({"spacing": np.array([5, 1, 2])}, {"spacing": (5, 1, 2)}),
        ({"spacing": [np.float64(5), 1, np.int8(2)]}, {"spacing": (5, 1, 2)}),
    ],
)
def test_numpy_numbers_lists_and_arrays_are_taken(options: dict[str, Any], plain: dict[str, Any]) -> None:
    one, two = (load(ZYX, axes="zyx", **asked) for asked in (options, plain))
    assert np.array_equal(one.voxels, two.voxels)
    assert (one.window, one.spacing) == (two.window, two.spacing)


def test_numpy_frames_and_indices(dicom: Any, tmp_path: Path) -> None:
    path = dicom.film(tmp_path, ZYX[0] % 9, WindowCenter=[4, 5], WindowWidth=[9, 7])
    assert load(path, window=np.int64(1)).window == load(path, window=1).window
    assert load(path, frame=np.uint8(0)).size == (5, 4)


@pytest.mark.parametrize("window", NO_WINDOWS[:12])
def test_windows_of_a_scan(window: Any) -> None:
    with pytest.raises(InputError, match="expected a preset's name or"):
        Scan(ZYX).windowed(window)


@pytest.mark.parametrize("value", [5, "12", (1,), (0.0, 2.0), (NAN, 2), (True, 2), (2, 1)])
def test_slices_and_millimetres_of_a_scan(value: Any) -> None:
    affine = ((2.0, 0, 0, 0), (0, 2.0, 0, 0), (0, 0, 90.0, 500), (0, 0, 0, 1.0))
    scan = Scan(ZYX, affine=affine)
    for options in ({"slices": value}, {"mm": value}):
        with pytest.raises(InputError) as caught:
            scan.shown(**options)
        assert caught.value.code == "slices"


def test_an_empty_path_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)

    class Unset:
        def __init__(self, text: str | bytes) -> None:
            self.text = text

        def __fspath__(self) -> Any:
            return self.text

    empty: list[Any] = ["", Unset(""), Unset(b"")]
    for path in empty:
        with pytest.raises(InputError, match="got an empty path") as caught:
            load(path)
        assert caught.value.code == "missing"
    assert load(".").name == load(os.curdir).name == "a.png"
    assert load(Unset(b"a.png")).size == (5, 4)
