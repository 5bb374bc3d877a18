"""Left never becomes right: one anatomy, stored in every order, is shown once and found in one place.

No model is involved. A scripted backend looks at the frames it is given and answers with the box of
what is bright in them; so a box that comes back right has gone the whole way of a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from umit.chat import Request
from umit.checkpoints import PHANTOM, Checkpoint
from umit.errors import InputError
from umit.geometry import Box2D, Box3D, Space
from umit.imaging.orientation import to_affine
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render
from umit.model import UMIT
from umit.testing import ScriptedBackend

Array = NDArray[np.float64]
ORDERS = [(p, s) for p in permutations(range(3)) for s in product((False, True), repeat=3)]
TURNS = (0, 12, 44)
SPACING = (1.5, 2.0, 3.0)  # to the right, to the front, to the head
SIZE = (12, 10, 8)
LOW, HIGH = (7, 5, 1), (11, 8, 4)  # the bright block: patient right, front, feet
EXACT = 1e-3  # mm; the law allows half a voxel, 0.75 mm
BRIGHT = 152  # a little above half way from the body to the block, for bicubic overshoot at corners

# 14 pixels a voxel, so that an edge of the block falls between two pixels.
VOLUME = Rendering(frame=(14 * SIZE[0], 14 * SIZE[1]), depth=SIZE[2])
FILM = Rendering(frame=(14 * 12, 14 * 10), fed=(14 * 12, 14 * 10))


def card(volume: Rendering) -> Checkpoint:
    dialect = replace(PHANTOM.dialect, film=FILM, boxes=FILM, volume=volume)
    return replace(PHANTOM, task_names=("detect_2d", "detect_3d"), dialect=dialect)


def anatomy() -> NDArray[np.int16]:
    """``(right, front, head)``: no two of its 48 turns look the same."""
    voxels = np.zeros(SIZE, np.int16)
    voxels[1:, 1:9, :7] = 100
    voxels[2:4, 6:9, 5:7] = 250
    voxels[8:10, 2:4, 6] = 400
    block = tuple(slice(a, b) for a, b in zip(LOW, HIGH, strict=True))
    voxels[block] = 1000
    voxels[10, 6, 2] = 100  # the notch in its right side
    return voxels


def world(degrees: float) -> Array:
    """Voxel index of :func:`anatomy` to RAS+ mm, turned about a slanting line."""
    axis = np.array((1.0, 2.0, 3.0)) / np.sqrt(14)
    x, y, z = axis
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix[:3, :3] = matrix[:3, :3] @ np.diag(SPACING)
    matrix[:3, 3] = (-31.0, 17.0, 245.5)
    return matrix


def stored(order: tuple[int, ...], flips: tuple[bool, ...], affine: Array) -> tuple[Any, Array]:
    """The anatomy in another axis order: ``(i, j, k)`` and the affine that keeps it in its place."""
    move = np.zeros((4, 4))
    move[3, 3] = 1
    for new, old in enumerate(order):
        move[old, new] = -1 if flips[new] else 1
        move[old, 3] = SIZE[old] - 1 if flips[new] else 0
    turned = anatomy().transpose(order)
    return turned[tuple(slice(None, None, -1 if f else None) for f in flips)], affine @ move


def nifti(path: Path, ijk: NDArray[np.int16], affine: Array) -> Path:
    image = nibabel.Nifti1Image(np.ascontiguousarray(ijk), affine)
    image.set_sform(affine, 1)
    image.set_qform(None, 0)
    nibabel.save(image, path.with_suffix(".nii"))
    return path.with_suffix(".nii")


def series(folder: Path, ijk: NDArray[np.int16], affine: Array) -> Path:
    """One file a slice, their names in no order; DICOM's axes are left, back, head."""
    folder.mkdir()
    lps = np.diag((-1.0, -1.0, 1.0, 1.0)) @ affine
    lengths = np.linalg.norm(lps[:3, :3], axis=0)
    header = dicom(np.zeros(ijk.shape[1::-1], np.int16), "MR", generate_uid())
    header.ImageOrientationPatient = numbers(*(lps[:3, 0] / lengths[0]), *(lps[:3, 1] / lengths[1]))
    header.PixelSpacing = numbers(lengths[1], lengths[0])
    for k in range(ijk.shape[2]):
        header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        header.ImagePositionPatient = numbers(*(lps[:3, 3] + k * lps[:3, 2]))
        header.PixelData = np.ascontiguousarray(ijk[:, :, k].T).tobytes()
        header.save_as(folder / f"{(7 * k) % 13}.dcm", enforce_file_format=True)
    return folder


def dicom(pixels: NDArray[np.int16], modality: str, uid: str) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = MRImageStorage
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid()
    header.Modality, header.SeriesInstanceUID, header.StudyInstanceUID = modality, uid, uid
    header.Rows, header.Columns = pixels.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 1
    header.PixelData = pixels.tobytes()
    return header


def numbers(*values: float) -> list[str]:
    return [f"{value:.11g}"[:16] for value in values]


def eye(request: Request) -> str:
    """Answer with the box of what is bright: the frames' own pixels, as UMIT writes them."""
    stack = np.stack(request.frames)[..., 0] > BRIGHT
    spans = [np.flatnonzero(stack.any(axis=others)) for others in ((0, 1), (0, 2), (1, 2))]
    (x1, x2), (y1, y2), (z1, z2) = ((int(s[0]), int(s[-1])) for s in spans)
    if len(stack) == 1:
        return f"<|box_start|>({x1},{y1}),({x2 + 1},{y2 + 1})<|box_end|>"
    return f"[({x1},{y1},{z1}),({x2},{y2},{z2})]"  # the last voxel inside, not the edge after it


@dataclass(frozen=True)
class Seen:
    frames: tuple[NDArray[np.uint8], ...]
    box: Box3D | Box2D
    scan: Scan


def seen(source: Path | Scan, volume: Rendering = VOLUME) -> Seen:
    """Read, ask and see: what was shown, and the box that came back."""
    backend = ScriptedBackend(eye)
    scan = load(source)
    (found,) = UMIT(backend, card(volume)).detect(scan, "block")
    return Seen(backend.requests[0].frames, found.box, scan)


def corners(affine: Array, low: Any = LOW, high: Any = HIGH) -> Array:
    """The eight corners of a block of the anatomy in mm; voxel k lies around k."""
    ends = np.array(list(product(*zip(low, high, strict=True)))) - 0.5
    return np.asarray(ends @ affine[:3, :3].T + affine[:3, 3])


def apart(found: Any, expected: Array) -> float:
    """The furthest that a corner of one set is from the nearest of the other, in mm."""
    distances = np.linalg.norm(np.array(found)[:, None] - expected[None], axis=-1)
    return float(max(distances.min(axis=0).max(), distances.min(axis=1).max()))


def same(a: Seen, b: Seen) -> bool:
    return len(a.frames) == len(b.frames) and all(map(np.array_equal, a.frames, b.frames))


def test_the_anatomy_has_no_symmetry() -> None:
    turns = {stored(o, f, np.eye(4))[0].tobytes() + bytes(o) for o, f in ORDERS}
    assert len(turns) == 48


@pytest.mark.parametrize(
    ("write", "degrees"),
    [
        *((nifti, degrees) for degrees in TURNS),
        *(pytest.param(series, degrees, marks=pytest.mark.slow) for degrees in TURNS[:-1]),
        (series, TURNS[-1]),
    ],
)
def test_48_orders_are_shown_and_found_alike(
    write: Callable[[Path, Any, Array], Path], degrees: int, tmp_path: Path
) -> None:
    affine = world(degrees)
    truth = corners(affine)
    first: Seen | None = None
    for number, (order, flips) in enumerate(ORDERS):
        case = f"axes {order}, flips {flips}"
        ijk, there = stored(order, flips, affine)
        one = seen(write(tmp_path / str(number), ijk, there))
        first = first or one
        assert same(one, first), f"other frames: {case}"
        assert isinstance(one.box, Box3D)
        assert apart(one.box.to_mm(), truth) < EXACT, f"another place: {case}"
        mirrored = truth * (-1, -1, 1)
        assert apart(one.box.to_mm("LPS"), mirrored) < EXACT, f"another place in LPS: {case}"
        assert ("oblique" in " ".join(render(one.scan, VOLUME).warnings)) == (degrees > 20)
    assert first is not None
    upright(first)


def upright(one: Seen) -> None:
    """Patient right is on the image's left, the front at the top, the feet first."""
    z, y, x = np.nonzero(np.stack(one.frames)[..., 0] > BRIGHT)
    assert (x.min() // 14, x.max() // 14) == (SIZE[0] - HIGH[0], SIZE[0] - 1 - LOW[0])
    assert (y.min() // 14, y.max() // 14) == (SIZE[1] - HIGH[1], SIZE[1] - 1 - LOW[1])
    assert (z.min(), z.max()) == (LOW[2], HIGH[2] - 1)


@pytest.mark.parametrize("degrees", TURNS)
def test_a_series_and_a_nifti_of_it_are_the_same_scan(degrees: int, tmp_path: Path) -> None:
    affine = world(degrees)
    for number, (order, flips) in enumerate(ORDERS[::11]):
        ijk, there = stored(order, flips, affine)
        a = seen(nifti(tmp_path / f"{number}", ijk, there))
        b = seen(series(tmp_path / f"s{number}", ijk, there))
        assert same(a, b)
        assert apart(a.box.to_mm(), np.array(b.box.to_mm())) < EXACT  # type: ignore[arg-type]
        # The header's own numbers, without our affine: DICOM PS3.3 C.7.6.2.1.1.
        assert isinstance(b.box, Box3D)
        assert apart(b.box.to_mm("LPS"), corners(np.diag((-1.0, -1.0, 1.0, 1.0)) @ affine)) < EXACT


@pytest.mark.parametrize("world_name", ["ras", "RAS", "LPS+", ""])
def test_no_other_word_is_taken_for_lps(world_name: Any) -> None:
    box = Box3D(0, 0, 0, 1, 1, 1, space=Space(size=(2, 2, 2), affine=to_affine(np.eye(4))))
    with pytest.raises(InputError, match="expected a world of RAS"):
        box.to_mm(world_name)


@pytest.mark.parametrize("write", [nifti, series], ids=["NIfTI", "DICOM series"])
@pytest.mark.parametrize("axis", [0, 1, 2], ids=["right", "front", "head"])
def test_flipped_data_is_mirrored_and_flipped_data_and_affine_is_not(
    axis: int, write: Callable[[Path, Any, Array], Path], tmp_path: Path
) -> None:
    affine = world(12)
    plain = seen(write(tmp_path / "plain", anatomy(), affine))
    alone = seen(write(tmp_path / "alone", np.flip(anatomy(), axis), affine))
    both = seen(write(tmp_path / "both", *stored((0, 1, 2), tuple(a == axis for a in range(3)), affine)))
    assert same(plain, both)
    assert apart(both.box.to_mm(), corners(affine)) < EXACT  # type: ignore[arg-type]
    # Frames are (slice, row, column), which show head, front and right.
    mirrored = np.flip(np.stack(plain.frames), 2 - axis)
    assert np.array_equal(np.stack(alone.frames), mirrored)
    assert not np.array_equal(np.stack(plain.frames), mirrored)
    low = [SIZE[a] - HIGH[a] if a == axis else LOW[a] for a in range(3)]
    high = [SIZE[a] - LOW[a] if a == axis else HIGH[a] for a in range(3)]
    assert apart(alone.box.to_mm(), corners(affine, low, high)) < EXACT  # type: ignore[arg-type]


@pytest.mark.parametrize(("plane", "shown"), [("coronal", (0, 2, 1)), ("sagittal", (1, 2, 0))])
def test_other_planes_are_shown_and_found_alike(plane: Any, shown: tuple[int, ...], tmp_path: Path) -> None:
    affine = world(12)
    across, down, depth = (SIZE[axis] for axis in shown)
    rendering = Rendering(frame=(14 * across, 14 * down), depth=depth)
    first = None
    for number, (order, flips) in enumerate(ORDERS):
        ijk, there = stored(order, flips, affine)
        scan = load(nifti(tmp_path / str(number), ijk, there)).shown(plane=plane)
        one = seen(scan, rendering)
        first = first or one
        case = f"axes {order}, flips {flips}"
        assert same(one, first), f"other frames: {case}"
        assert apart(one.box.to_mm(), corners(affine)) < EXACT, case  # type: ignore[arg-type]
    assert first is not None
    # Across runs to the left or to the back, down to the feet, on to the back or to the left.
    for axis, found in zip(shown, np.nonzero(np.stack(first.frames)[..., 0] > BRIGHT)[::-1], strict=True):
        voxels = found if axis == shown[2] else found // 14
        assert (voxels.min(), voxels.max()) == (SIZE[axis] - HIGH[axis], SIZE[axis] - 1 - LOW[axis])


# Films


def film() -> NDArray[np.uint8]:
    """``(row, column)`` as displayed: the block is up on the left, which is the patient's right."""
    pixels = np.full((10, 12), 30, np.uint8)
    pixels[9] = 0
    pixels[6:8, 8:11] = 90
    pixels[1:5, 2:5] = 255
    pixels[2, 2] = 30
    return pixels


DISPLAYED = Box2D(2, 1, 5, 5)
UNDO = {  # EXIF 2.32, table 4: what was done to the picture before it was stored
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def pictures(folder: Path) -> Iterator[tuple[int, Path]]:
    for turned, undo in UNDO.items():
        image = Image.fromarray(film())
        image = image if undo is None else image.transpose(undo)
        exif = Image.Exif()
        exif[0x0112] = turned
        image.save(folder / f"{turned}.png", exif=exif)
        yield turned, folder / f"{turned}.png"


def test_exif_mirrors_and_turns_are_undone(tmp_path: Path) -> None:
    plain = Image.fromarray(film())
    plain.save(tmp_path / "plain.png")
    expected = seen(tmp_path / "plain.png")
    assert expected.box == DISPLAYED
    for turned, path in pictures(tmp_path):
        one = seen(path)
        assert same(one, expected), f"EXIF orientation {turned}"
        assert one.box == DISPLAYED, f"EXIF orientation {turned}"
    plain.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.png")
    mirrored = seen(tmp_path / "mirrored.png")
    assert np.array_equal(mirrored.frames[0], expected.frames[0][:, ::-1])
    assert mirrored.box == Box2D(12 - 5, 1, 12 - 2, 5)


@pytest.mark.parametrize("across", ["LI", "RI", "LS", "RS", "IL", "IR", "SL", "SR"])
def test_films_are_hung_by_their_directions(across: str, tmp_path: Path) -> None:
    upright_film = film().astype(np.int16) * 100
    pixels = upright_film.T if across[0] in "IS" else upright_film
    horizontal, vertical = ("R" in across), ("S" in across)
    if across[0] in "IS":
        horizontal, vertical = vertical, horizontal
    pixels = pixels[:: -1 if vertical else 1, :: -1 if horizontal else 1]
    header = dicom(np.ascontiguousarray(pixels), "DX", generate_uid())
    header.PatientOrientation = [{"I": "F", "S": "H"}.get(letter, letter) for letter in across]
    path = tmp_path / "film.dcm"
    header.save_as(path, enforce_file_format=True)
    one = seen(path)
    header.PatientOrientation = ["L", "F"]
    header.Rows, header.Columns = upright_film.shape
    header.PixelData = upright_film.tobytes()
    header.save_as(path, enforce_file_format=True)
    hung = seen(path)
    assert same(one, hung)
    assert hung.box == DISPLAYED
    rows, columns = np.nonzero(hung.frames[0][..., 0] > BRIGHT)
    assert (columns.min() // 14, rows.min() // 14) == (2, 1), "right on the left, head on top"
    # The box stays in the file's own pixels.
    bright = np.argwhere(pixels > 20000)
    (y1, x1), (y2, x2) = bright.min(axis=0), bright.max(axis=0) + 1
    assert one.box == Box2D(int(x1), int(y1), int(x2), int(y2))
