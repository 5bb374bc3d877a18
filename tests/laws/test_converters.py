"""What was shown is shown again: every source and every kind of picture through every converter.

The frames that a model sees of what was written are those that it sees of the original, pixel for pixel, and the
answer that is taught on them is the same text: so left stays left, and a negative film stays dark on bright.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from umit.checkpoints import PHANTOM, RELEASED
from umit.datasets import NAMES
from umit.datasets.ask import asked
from umit.datasets.convert import Form, convert
from umit.datasets.dataset import Sample
from umit.datasets.pictures import ArrayRow, Encoded, Files, Voxels
from umit.datasets.shards import read_shards
from umit.datasets.swift_pictures import Gathered
from umit.datasets.swift_samples import swift_samples
from umit.errors import UMITError
from umit.geometry import Box2D, Box3D, Point2D
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render
from umit.queries import Ask, Describe, Find, Locate
from umit.results import Answer, Detection, Detections, Landmark, Landmarks, Report

from ..datasets.layouts import layout
from ..datasets.layouts.draw import pixels
from ..datasets.told import told

FORMS = [form for form in get_args(Form) if form != "coco"]
FEW = 3
CARDS = {"UMIT": RELEASED["dz-osamu/UMIT-B"], "phantom": PHANTOM}
DEEP = pixels(7, 60, 80).astype(np.uint16) * 200  # of 16 bits


def through(samples: list[Any], form: Any, folder: Path, tasks: Any) -> list[Any]:
    """Write samples and read them back."""
    missed: list[str] = []
    target = folder / ("rows.parquet" if form == "parquet" else "rows.jsonl")
    convert(samples, target, form=form, tasks=tasks, tell=missed.append)
    assert not missed
    if form == "shards":
        return list(read_shards(sorted(target.iterdir())))
    root = Path(
        os.path.commonpath([folder, *(n for n in samples[0].source.names if n[0] == os.sep)])
    )  # rows name files elsewhere whole
    return list(swift_samples(target, tasks, root=root if root.is_dir() else folder, tell=missed.append))


def seen(samples: list[Any], tasks: Any) -> Iterator[tuple[Any, str]]:
    """Yield the frames and the taught text of each question."""
    for sample in samples:
        for request, answer in asked(sample, tasks):
            yield request.frames, answer


def check(samples: list[Any], folder: Path, tasks: Any) -> dict[str, list[Any]]:
    """Hold the law in every form; return what is read back."""
    true, found = list(seen(samples, tasks)), {}
    for form in FORMS:
        found[form] = through(samples, form, folder / form, tasks)
        for (frames, answer), (again, taught) in zip(true, seen(found[form], tasks), strict=True):
            assert taught == answer, form
            assert len(frames) == len(again), form
            for one, other in zip(frames, again, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=form)
    return found


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @cache
    def written(name: str) -> list[Any]:
        root = tmp_path_factory.mktemp(name)
        layout(name).write(root)
        found = []
        for sample in told(name, root, **layout(name).LOADS[0])[0]:
            try:
                sample.source.scans()
            except UMITError:  # a layout may hold a file that is none
                continue
            found.append(sample)
        first = [found[0]] if found[0].source.is_volume else found[:FEW]
        views = [one for one in found if len(one.source.names) > 1 and not one.source.is_volume]
        return first + [one for one in views[:1] if one not in first]

    return written


@pytest.mark.slow  # every form packs every picture anew
@pytest.mark.parametrize("name", NAMES)
def test_every_source(name: str, sources: Any, tmp_path: Path) -> None:
    samples = sources(name)
    back = check(samples, tmp_path, CARDS["UMIT"].tasks)
    for one, other in zip(samples, back["shards"], strict=True):
        assert replace(other, source=one.source, gold=one.gold) == one


def film(path: Path, **said: Any) -> Path:
    """A DICOM film of 16 bits as its header says it is shown."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = DigitalXRayImageStorageForPresentation
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    header.Modality, header.PhotometricInterpretation = "DX", "MONOCHROME2"
    header.Rows, header.Columns, header.SamplesPerPixel = *DEEP.shape, 1
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, 16, 15
    header.PixelRepresentation, header.PixelSpacing = 0, [0.5, 0.25]
    header.PixelData = DEEP.tobytes()
    for name, value in said.items():
        setattr(header, name, value)
    header.save_as(path, enforce_file_format=True)
    return path


def kept(path: Path, picture: Any, **options: Any) -> Path:
    Image.fromarray(picture).save(path, **options)
    return path


def turned(path: Path) -> Path:
    exif = Image.Exif()
    exif[0x0112] = 6
    return kept(path, pixels(3, channels=3), exif=exif)


FILMS: dict[str, Any] = {
    "negative film": lambda to: film(to / "a.dcm", PhotometricInterpretation="MONOCHROME1"),
    "windowed film": lambda to: film(to / "a.dcm", WindowCenter="9000", WindowWidth="4000"),
    "mirrored film": lambda to: film(to / "a.dcm", PatientOrientation=["R", "F"]),
    "film on its side": lambda to: film(to / "a.dcm", PatientOrientation=["F", "R"]),
    "film without a window": lambda to: film(to / "a.dcm"),
    "PNG of 16 bits": lambda to: kept(to / "a.png", DEEP),
    "turned JPEG": lambda to: turned(to / "a.jpg"),
    "JPEG": lambda to: kept(to / "a.jpg", pixels(3, channels=3)),
    "palette": lambda to: kept(to / "a.gif", pixels(3)),
    "transparent": lambda to: kept(to / "a.png", np.dstack([pixels(3, channels=3), pixels(4)])),
    "clear grey": lambda to: kept(to / "a.png", pixels(3), transparency=70),
    "TIFF": lambda to: kept(to / "a.tif", pixels(3)),
}


@pytest.mark.slow  # every form packs every picture anew
@pytest.mark.parametrize("kind", FILMS)
def test_every_kind_of_film(kind: str, tmp_path: Path) -> None:
    """Asked about in words, in boxes and in points, in two views, from a file and as bytes."""
    path, other = FILMS[kind](tmp_path), kept(tmp_path / "b.png", pixels(5))
    source = Files((path,), spacing=None if path.suffix == ".dcm" else (0.5, 0.25))
    box = Detections(items=(Detection(label="cyst", box=Box2D(4, 10, 24, 30)),))
    space = source.scans()[0].space
    point = Landmarks(items=(Landmark(name="Sella", point=Point2D(11.5, 20.25, space=space)),))
    points = Landmarks(items=(*point.items, Landmark(name="Nasion", point=Point2D(3, 4.5))))
    second = Detection(label="mass", box=Box2D(40, 2, 60.5, 33), view=1)
    several = Detections(items=(replace(box.items[0], view=0), second))
    samples = [
        sample(Ask("Where?"), Answer(text="left"), source),
        sample(Find("cyst"), box, source),
        sample(Locate("Sella"), point, source),
        sample(Describe(), Report(text="Clear."), Files((path, other))),
        sample(Find(("cyst", "mass")), several, Files((path, other))),
        sample(Locate(("Sella", "Nasion")), points, source),
    ]
    if path.suffix != ".dcm":
        data = Encoded(path.read_bytes(), "a")
        samples.append(sample(Find("cyst"), box, data))
        views = Gathered((data, Files((other,))))
        samples.append(sample(Describe(), Report(text="Clear."), views))
    mm = source.scans()[0].spacing[:: -1 if kind == "film on its side" else 1]
    for form, back in check(samples, tmp_path / "out", CARDS["UMIT"].tasks).items():
        assert back[2].source.scans()[0].spacing == mm, "millimetres stay known"
        if form == "shards":
            assert back[2].gold.items[0].point.space.spacing == mm


def sample(query: Any, gold: Any, source: Any) -> Sample[Any, Any]:
    name = type(query).__name__
    return Sample(id=name, query=query, gold=gold, source=source, group="a", place=f"a:{name}")


def nifti(path: Path, flips: tuple[int, int, int]) -> Path:
    voxels = np.zeros((20, 16, 12), np.int16)
    voxels[1:-1, 2:-2, 1:-1] = np.arange(18 * 12 * 10).reshape(18, 12, 10) % 1500 - 400
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag((*flips, 1)).astype(float)), path)
    return path


def array(path: Path, high: float) -> Path:
    rng = np.random.default_rng(5)
    np.save(path, (rng.random((1, 32, 40, 48)) * high).astype(np.float32))
    return path


@dataclass(frozen=True, eq=False)
class Held:
    """A scan as some user's own source gives it."""

    scan: Scan
    names: tuple[str, ...] = ("mine",)
    is_volume: bool = True

    def scans(self) -> tuple[Scan, ...]:
        return (self.scan,)


def held(**options: Any) -> Held:
    return Held(Scan(np.stack([pixels(n, 28, 28) for n in range(20)]), **options))


VOLUMES: dict[str, Any] = {
    "negative volume": lambda to: held(inverted=True),
    "windowed volume": lambda to: held(window=(60.0, 90.0)),
    "some of its slices": lambda to: Held(held().scan.shown(slices=(1, 9))),
    "coronal": lambda to: Held(held(affine=tuple(map(tuple, np.eye(4)))).scan.shown(plane="coronal")),
    "NIfTI": lambda to: Files((nifti(to / "a.nii", (2, 1, 3)),), is_volume=True),
    "mirrored NIfTI": lambda to: Files((nifti(to / "a.nii", (-2, 1, 3)),), is_volume=True),
    "upside down": lambda to: Files((nifti(to / "a.nii.gz", (2, -1, -3)),), is_volume=True),
    "prepared array": lambda to: Voxels(array(to / "a.npy", 1.0), as_stored=True),
    "array": lambda to: Voxels(array(to / "a.npy", 900.0)),
    "turned array": lambda to: Voxels(array(to / "a.npy", 900.0), axes="xyz"),
    "rows of an array": lambda to: ArrayRow(to / "a.npz", "x", 0, pixels(4, 28, 28)[None].repeat(28, 0), "zyx"),
}  # fmt: skip


@pytest.mark.parametrize("card", [pytest.param("UMIT", marks=pytest.mark.slow), "phantom"])
@pytest.mark.parametrize("kind", VOLUMES)
def test_every_kind_of_volume(kind: str, card: str, tmp_path: Path) -> None:
    """Cropped and stretched for UMIT, whole slices for the phantom."""
    box = Detections(items=(Detection(label="liver", box=Box3D(3, 4, 2, 11, 9, 7)),))
    samples = [sample(Find("liver"), box, VOLUMES[kind](tmp_path))]
    check(samples, tmp_path / "out", CARDS[card].tasks)


@pytest.mark.parametrize("kind", FILMS)
def test_boxes_in_coco_lie_on_the_same_pixels(kind: str, tmp_path: Path) -> None:
    source = Files((FILMS[kind](tmp_path),))
    found = Detections(items=(Detection(label="cyst", box=Box2D(4, 10, 24, 30)),))
    one = sample(Find("cyst"), found, source)
    convert([one], tmp_path / "out" / "c.json", form="coco", tasks={})
    data = json.loads((tmp_path / "out" / "c.json").read_text("utf-8"))
    (image,), (mark,) = data["images"], data["annotations"]
    path = tmp_path / "out" / image["file_name"]
    x, y, width, height = mark["bbox"]
    box = Detections(items=(Detection(label="cyst", box=Box2D(x, y, x + width, y + height)),))
    other = sample(Find("cyst"), box, Files((path,)))
    tasks = CARDS["UMIT"].tasks
    ((frames, answer),), ((again, taught),) = (list(seen([s], tasks)) for s in (one, other))
    assert answer == taught
    np.testing.assert_array_equal(frames, again)
    with Image.open(path) as picture:
        assert picture.size == (image["width"], image["height"])
        plain = np.asarray(picture.convert("RGB"))  # as any program opens it
    film = Rendering(frame=None, factor=1, min_pixels=1, max_pixels=1_000_000)
    np.testing.assert_array_equal(plain, render(source.scans(), film).frames[0])


def test_what_ms_swift_is_given_it_opens(tmp_path: Path) -> None:
    """No row names a DICOM file, an array or a volume; what it names is what umit shows."""
    samples = [
        sample(Ask("Where?"), Answer(text="left"), Files((FILMS["negative film"](tmp_path),))),
        *(sample(Ask("Where?"), Answer(text="left"), VOLUMES[k](tmp_path)) for k in ("array", "NIfTI")),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        convert(samples, tmp_path / "r.jsonl", form="swift", tasks=CARDS["UMIT"].tasks)
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text("utf-8").splitlines()]
    assert [len(row["images"]) for row in rows] == [1, 32, 32]
    for row in rows:
        assert row["messages"][0]["content"].count("<image>") == len(row["images"])
        for name in row["images"]:
            with Image.open(tmp_path / name) as picture:
                assert picture.mode == "L" and picture.format == "PNG"
    with Image.open(tmp_path / rows[0]["images"][0]) as shown:
        dark, bright = np.asarray(shown)[DEEP > 35000].mean(), np.asarray(shown)[DEEP < 9000].mean()
    assert dark < 100 < 200 < bright, "a negative film is shown as its header says"
