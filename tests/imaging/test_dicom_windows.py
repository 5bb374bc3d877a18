"""DICOM windows and look-up tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, FileDataset, Sequence
from pydicom.pixels.processing import apply_windowing

from umit.errors import InputError
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render
from umit.imaging.window import to_grey

FILM = np.random.default_rng(9).integers(0, 4096, (6, 8)).astype(np.uint16)
NEAR = FILM % np.uint16(100)  # values that the windows below show


@pytest.mark.parametrize(
    ("fields", "window", "expected"),
    [
        ({"WindowCenter": 50, "WindowWidth": 101}, None, (-0.5, 99.5)),  # PS3.3 C.11.2.1.2.1
        ({"WindowCenter": [50, 10], "WindowWidth": [101, 5]}, None, (-0.5, 99.5)),
        ({"WindowCenter": [50, 10], "WindowWidth": [101, 5]}, 1, (7.5, 11.5)),
        ({"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}, None, (0, 100)),
        ({"WindowCenter": 50, "WindowWidth": 100}, (7, 2), (6, 8)),
        ({"WindowCenter": 50, "WindowWidth": 0}, (7, 2), (6, 8)),
        ({"WindowCenter": 50, "WindowWidth": 100}, "brain", (0, 80)),
        ({"WindowCenter": 50, "WindowWidth": 1}, None, (49.5, 49.5)),
    ],
)
def test_windows(
    dicom: Any, tmp_path: Path, fields: dict[str, Any], window: Any, expected: tuple[float, float]
) -> None:
    assert load(dicom.film(tmp_path, NEAR, **fields), window=window).window == expected


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({"WindowCenter": 50, "WindowWidth": 0}, 0),
        ({"WindowCenter": 50, "WindowWidth": 100}, 1),
        ({"WindowCenter": 50, "WindowWidth": 100}, -1),
        ({}, 0),
    ],
)
def test_bad_windows(dicom: Any, tmp_path: Path, fields: dict[str, Any], window: Any) -> None:
    with pytest.raises(InputError) as caught:
        load(dicom.film(tmp_path, FILM, **fields), window=window)
    assert (caught.value.code, caught.value.where) == ("window", "film.dcm")


NAMED = {
    "WindowCenter": [50, 10, -600],
    "WindowWidth": [101, 5, 1501],
    "WindowCenterWidthExplanation": ["WINDOW1", "Soft Tissue", "LUNG"],
}


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("soft tissue", (7.5, 11.5)),  # the file's, any case
        ("Lung", (-1350.5, 149.5)),  # the file's
        ("lung", (-1350, 150)),  # the preset
        ("WINDOW1", (-0.5, 99.5)),
        (2, (-1350.5, 149.5)),
    ],
)
def test_windows_by_the_names_of_the_file(
    dicom: Any, tmp_path: Path, window: Any, expected: tuple[float, float]
) -> None:
    assert load(dicom.film(tmp_path, NEAR, **NAMED), window=window).window == expected


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        (NAMED, "kidney"),
        (NAMED, ""),
        (NAMED, 3),
        ({**NAMED, "WindowCenterWidthExplanation": ["SECRET"]}, "Soft Tissue"),
        ({}, "Soft Tissue"),
    ],
    ids=["unknown", "no name", "no such index", "fewer names", "no window"],
)
def test_windows_that_the_file_does_not_name(dicom: Any, tmp_path: Path, fields: dict[str, Any], window: Any) -> None:
    with pytest.raises(InputError) as caught:
        load(dicom.film(tmp_path, FILM, **fields), window=window)
    assert (caught.value.code, caught.value.where) == ("window", "film.dcm")
    assert "SECRET" not in str(caught.value)
    assert "WINDOW1" not in str(caught.value)  # free text may hold anything


def test_only_dicom_files_name_windows() -> None:
    for window in ("Soft Tissue", 1):
        with pytest.raises(InputError, match="Only DICOM files declare windows"):
            load(FILM, axes="yx", window=window)


def _table(entries: Any, first: int, bits: int, **fields: Any) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = [int(entry) for entry in entries]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item["LUTData"].VR = "US"
    for name, value in fields.items():
        setattr(item, name, value)
    return item


@pytest.mark.parametrize("first", [0, 2000])
@pytest.mark.parametrize("bits", [8, 12])
def test_the_look_up_table_wins_over_the_window(dicom: Any, tmp_path: Path, bits: int, first: int) -> None:
    table = np.linspace(0, 2**bits - 1, 1000).round().astype(int)[::-1]
    item = _table(table, first, bits)
    fields = {"WindowCenter": 50, "WindowWidth": 100, "VOILUTSequence": Sequence([item])}
    path = dicom.film(tmp_path, FILM, **fields)
    scan = load(path)
    expected = table[np.clip(FILM.astype(int) - first, 0, 999)]
    assert np.array_equal(scan.voxels[0], expected)
    assert scan.window == (0, 2**bits - 1)
    assert "window: VOI look-up table applied" in scan.warnings
    assert np.array_equal(load(path, window=(50, 100)).voxels[0], FILM)


def test_tables_by_index_and_name(dicom: Any, tmp_path: Path) -> None:
    up, down = np.arange(256), np.arange(256)[::-1]
    tables = [_table(up, 0, 8, LUTExplanation="UP"), _table(down, 0, 8, LUTExplanation="Down")]
    path = dicom.film(tmp_path, FILM, WindowCenter=50, WindowWidth=101, VOILUTSequence=Sequence(tables))
    index = np.clip(FILM, 0, 255)
    assert load(path, window=0).window == (-0.5, 99.5)  # windows come before tables
    for window, table in ((None, up), (1, up), ("up", up), (2, down), ("DOWN", down)):
        assert np.array_equal(load(path, window=window).voxels[0], table[index])


def test_a_table_may_be_of_any_form(dicom: Any, tmp_path: Path) -> None:
    line = Sequence([_table(np.arange(4096), -1000, 12)])
    data = dicom.header(FILM - np.uint16(1000), VOILUTSequence=line)
    data.PixelRepresentation = 1
    assert np.array_equal(load(dicom.saved(tmp_path / "s.dcm", data)).voxels[0], FILM)
    packed = _table([0, 0], 0, 8)
    packed.LUTDescriptor, packed.LUTData = [4, 1, 8], bytes([7, 6, 5, 4])
    packed["LUTData"].VR = "OW"
    stored = np.array([[0, 1, 2, 3, 4, 5]], np.uint16)
    scan = load(dicom.film(tmp_path, stored, VOILUTSequence=Sequence([packed])))
    assert scan.voxels[0].tolist() == [[7, 7, 6, 5, 4, 4]]
    whole = _table(np.arange(2**16)[::-1], 0, 16)
    whole.LUTDescriptor = [0, 0, 16]  # 0 stands for 65536
    scan = load(dicom.film(tmp_path, FILM * np.uint16(16), VOILUTSequence=Sequence([whole])))
    assert np.array_equal(scan.voxels[0], 65535 - FILM * np.uint16(16))
    short = _table([1, 2], 0, 8)
    short.LUTDescriptor = [5, 0, 8]
    path = dicom.film(tmp_path, FILM, VOILUTSequence=Sequence([short]))
    with pytest.raises(InputError, match="table of 5 entries, got 2 entries") as caught:
        load(path, window=0)
    assert caught.value.code == "malformed"
    assert np.array_equal(load(path).voxels[0], FILM)


def test_a_modality_table_comes_before_the_window(dicom: Any, tmp_path: Path) -> None:
    table = _table(np.arange(1000) * 3, 100, 12)  # 1000 entries for 8 of 12 bits
    fields = {"ModalityLUTSequence": Sequence([table]), "WindowCenter": 50, "WindowWidth": 101}
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert np.array_equal(scan.voxels[0], 3 * np.clip(FILM.astype(int) - 100, 0, 999))
    assert load(dicom.film(tmp_path, FILM, **fields), window=0).window == (-0.5, 99.5)


def _written_out(x: Any, function: str, c: float, w: float) -> Any:
    """0 to 1, as DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2 spell it."""
    if function == "SIGMOID":
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-4 * (x - c) / w))
    if function == "LINEAR_EXACT":
        low, high, line = c - w / 2, c + w / 2, (x - c) / w + 0.5
    else:
        low, high = c - 0.5 - (w - 1) / 2, c - 0.5 + (w - 1) / 2
        line = (x - (c - 0.5)) / max(w - 1, 1) + 0.5
    return np.where(x <= low, 0.0, np.where(x > high, 1.0, line))


def _shown(scan: Scan) -> Any:
    return to_grey(scan.voxels, scan.window, scan.inverted, scan.curve)[0]


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("slope", [1, 0.25])  # whole numbers go through a table, others do not
@pytest.mark.parametrize(("centre", "width"), [(-500, 1000), (-300.5, 700), (-600, 1)])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_functions_are_those_of_the_standard(
    dicom: Any, tmp_path: Path, function: str, centre: float, width: float, slope: float, kind: str
) -> None:
    pixels = np.arange(4096, dtype=np.uint16).reshape(32, 128).repeat(5, axis=0)
    fields = {
        "BitsStored": 12, "HighBit": 11, "PhotometricInterpretation": kind,
        "RescaleSlope": slope, "RescaleIntercept": -1024,
        "WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function,
    }  # fmt: skip
    data = dicom.header(pixels, **fields)
    scan = load(dicom.saved(tmp_path / "film.dcm", data))
    units = pixels * slope - 1024.0
    grey = _written_out(units, function, centre, width)
    lowest, highest = -1024, 4095 * slope - 1024  # what pydicom stretches over
    with np.errstate(over="ignore"):
        theirs = (apply_windowing(units, data) - lowest) / (highest - lowest)
    for expected in (grey, theirs):
        levels = 255 * (1 - expected if kind == "MONOCHROME1" else expected)
        assert np.abs(_shown(scan) - levels).max() <= 0.5 + 1e-9
    assert scan.curve == ("sigmoid" if function == "SIGMOID" else "line")
    assert not [note for note in scan.warnings if note.startswith("window")]


def test_a_sigmoid_stays_until_another_window_is_chosen(dicom: Any, tmp_path: Path) -> None:
    fields = {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"}
    path = dicom.film(tmp_path, FILM, **fields)
    scan = load(path)
    assert (scan.window, scan.curve) == ((0, 100), "sigmoid")
    assert _shown(Scan(np.array([[[0, 50, 100]]]), window=(0, 100), curve="sigmoid")).tolist() == [[30, 128, 225]]
    assert load(scan, spacing=(1, 1)).curve == "sigmoid"
    assert load(path, window=0).curve == "sigmoid"
    view = render(scan, Rendering(frame=None))
    assert view.warnings[-1] == "window: shown from 0 to 100 along a sigmoid"
    assert not np.array_equal(view.frames, render(replace(scan, curve="line"), Rendering(frame=None)).frames)
    for line in (load(path, window=(50, 100)), scan.windowed((50, 100)), scan.windowed("full")):
        assert line.curve == "line"
    assert scan.windowed((60, 20), curve=scan.curve).curve == "sigmoid"
    with pytest.raises(InputError, match="expected a curve of line, sigmoid, got 'log'"):
        scan.windowed("full", curve="log")  # type: ignore[arg-type]


def test_m3d_stretches_in_a_line(dicom: Any, tmp_path: Path) -> None:
    def declare(k: int, data: FileDataset) -> None:
        data.WindowCenter, data.WindowWidth, data.VOILUTFunction = 50, 100, "SIGMOID"

    scan = load(dicom.series(tmp_path / "ct", FILM.reshape(3, 2, 8).astype(np.int16), declare))
    view = render(scan, Rendering(frame=(56, 56), depth=3, preparation="m3d"))
    line = render(replace(scan, curve="line"), Rendering(frame=(56, 56), depth=3, preparation="m3d"))
    assert all(map(np.array_equal, view.frames, line.frames))
    said = "window: declared as a sigmoid, M3D's preparation stretches in a line"
    assert (said in view.warnings, said in line.warnings) == (True, False)


def test_an_unknown_function_is_said(dicom: Any, tmp_path: Path) -> None:
    fields = {"WindowCenter": 50, "WindowWidth": 101, "VOILUTFunction": "CUBIC"}
    scan = load(dicom.film(tmp_path, NEAR, **fields))
    assert (scan.window, scan.curve) == ((-0.5, 99.5), "line")
    assert "window: declared with an unknown function, shown as LINEAR" in scan.warnings


@pytest.mark.parametrize(
    ("change", "window", "said"),
    [
        ({"WindowCenter": 50}, (-500.5, 599.5), None),
        (
            {"WindowCenter": 60},
            (-490, 480),
            "window: slices declare 2 different ones, one from -490 to 480 holds what they show",
        ),
        (
            {"WindowCenter": 49.5, "WindowWidth": 1100, "VOILUTFunction": "SIGMOID"},
            (-490, 480),
            "window: slices declare 2 different ones, one from -490 to 480 holds what they show",
        ),
        ({"WindowCenter": 32768, "WindowWidth": 65536}, (-490, 480), "window: slices declare 2"),
        ({"WindowWidth": 0}, (-500.5, 599.5), "window: that of some slices"),
        ({"WindowWidth": None}, (-500.5, 599.5), "window: that of some slices"),
        (
            {"VOILUTSequence": Sequence([_table([1, 2], 0, 8)])},
            (-500.5, 599.5),
            "window: slices declare different look-up tables, none is applied",
        ),
    ],
    ids=["alike", "other window", "other curve", "all numbers", "no width", "no window", "other kind"],
)
def test_slices_that_are_not_shown_alike(
    dicom: Any, tmp_path: Path, change: dict[str, Any], window: tuple[float, float], said: str | None
) -> None:
    """Slicer/Slicer#5140, fo-dicom/fo-dicom#1261: one window that fits every slice."""

    def declare(k: int, data: FileDataset) -> None:
        data.WindowCenter, data.WindowWidth = 50, 1101
        for name, value in change.items() if k == 2 else ():
            setattr(data, name, value)

    stack = NEAR.reshape(3, 2, 8).astype(np.int16) * 10 + 500
    scan = load(dicom.series(tmp_path / "ct", stack, declare))
    assert np.array_equal(scan.voxels, stack - 1000)
    assert (scan.window, scan.curve) == (window, "line")
    notes = [note for note in scan.warnings if note.startswith(("window: that", "window: slices"))]
    assert [note.startswith(said or "") for note in notes] == ([True] if said else []), notes


RAMP = np.arange(4096, dtype=np.uint16).reshape(32, 128)
FELL_BACK = "percentiles 0.5-99.5 ("


@pytest.mark.parametrize(
    ("pixels", "fields", "falls"),
    [
        (RAMP // 2 + 12000, {"WindowCenter": 3174, "WindowWidth": 2426}, True),  # fo-dicom#752
        (RAMP // 2, {"WindowCenter": 9000, "WindowWidth": 100}, True),  # all black
        (RAMP, {"WindowCenter": 60, "WindowWidth": 100}, True),  # 97 % white
        (RAMP, {"WindowCenter": 32768, "WindowWidth": 65536}, True),  # 16 of 256 levels
        (RAMP, {"WindowCenter": 8192, "WindowWidth": 16384}, False),  # 64: dark, and a picture
        (RAMP, {"WindowCenter": 2000, "WindowWidth": 400}, False),  # narrow, and a picture
        (RAMP * 0 + 7, {"WindowCenter": 60, "WindowWidth": 10}, False),  # nothing to show
        (np.where(RAMP < 4000, RAMP % 20, RAMP), {"WindowCenter": 2000, "WindowWidth": 4000}, False),
        ((RAMP > 4000).astype(np.uint16), {"WindowCenter": 1, "WindowWidth": 1}, False),  # a mask
        ((RAMP > 4000).astype(np.uint16), {"WindowCenter": 40, "WindowWidth": 400}, True),
        (RAMP, {"WindowCenter": "40,5", "WindowWidth": "80,5"}, True),  # commas: no numbers
        (RAMP, {"WindowCenter": 40, "WindowWidth": 0}, True),  # fo-dicom#1261
        (RAMP, {"WindowCenter": 40, "WindowWidth": -5}, True),
    ],
    ids=[
        "beside", "above", "97 %", "too wide", "wide", "narrow", "flat", "background", "mask", "mask beside", "text",
        "no width", "below 0",
    ],
)  # fmt: skip
def test_a_window_that_shows_nothing_gives_way_to_percentiles(
    dicom: Any, tmp_path: Path, pixels: Any, fields: dict[str, Any], falls: bool
) -> None:
    data = dicom.header(pixels.astype(np.uint16))
    for name, value in fields.items():
        data.add_new(name, "LO" if isinstance(value, str) else "DS", value)
    path = dicom.saved(tmp_path / "film.dcm", data)
    scan = load(path)
    said = [note for note in scan.warnings if FELL_BACK in note]
    assert bool(said) == falls, scan.warnings
    if falls:
        low, high = np.percentile(pixels, (0.5, 99.5))
        assert scan.window == (low, high)
        assert len(np.unique(_shown(scan))) == min(256, len(np.unique(pixels)))
    assert load(path, window=(7, 2)).window == (6, 8)


def test_a_window_that_is_asked_for_stays_and_is_said(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, RAMP, WindowCenter=60, WindowWidth=101), window=0)
    assert scan.window == (9.5, 109.5)
    assert "window: the one asked for hides these values" in scan.warnings


def test_a_width_under_1_is_exact(dicom: Any, tmp_path: Path) -> None:
    """fo-dicom#1999; PS3.3 C.11.2.1.2.1 wants 1 or more of LINEAR, C.11.2.1.3.2 above 0 of LINEAR_EXACT."""
    fields = {"RescaleSlope": "0.0001", "RescaleIntercept": "0", "WindowCenter": "0.2"}
    scan = load(dicom.film(tmp_path, RAMP, WindowWidth="0.4", **fields))
    assert scan.window == pytest.approx((0, 0.4))
    assert "window: declared LINEAR with a width of 0.4, shown as LINEAR_EXACT" in scan.warnings


def test_the_abdomen_is_not_shown_where_it_hides_a_ct(dicom: Any, tmp_path: Path) -> None:
    lung = RAMP.astype(np.int16) // 20 - 950
    scan = load(dicom.film(tmp_path, lung, Modality="CT", RescaleSlope=1, RescaleIntercept=0))
    assert scan.window == tuple(np.percentile(lung, (0.5, 99.5)))
    assert any("the abdomen's hides these values" in note for note in scan.warnings)
    noise = np.random.default_rng(3).normal(-1000, 15, (100, 100)).round()
    noise[:20, :20] = np.linspace(-100, 200, 400).reshape(20, 20)  # a wrist in much air
    wrist = dicom.film(tmp_path, noise.astype(np.int16), Modality="CT")
    assert load(wrist).window == (-160, 240)


LINE = np.arange(4096)


@pytest.mark.parametrize(
    ("bits", "entries", "uses"),
    [
        (16, LINE, 12),  # Agfa CR: Enet4/dicom-rs#825
        (8, LINE, 12),
        (12, LINE * 16, 16),
        (16, LINE // 16, 8),
        (16, LINE // 4, 10),
        (12, LINE, None),
        (0, LINE, 12),
        (99, LINE, 12),
    ],
)
def test_entries_tell_how_many_bits_they_have(
    dicom: Any, tmp_path: Path, bits: int, entries: Any, uses: int | None
) -> None:
    item = _table(entries, 0, bits)
    scan = load(dicom.film(tmp_path, RAMP, VOILUTSequence=Sequence([item])))
    assert np.array_equal(scan.voxels[0], entries[RAMP])
    assert np.abs(_shown(scan) - RAMP / 4095 * 255.0).max() <= 1
    said = f"window: a look-up table says {bits} bits and uses {uses}, which are shown"
    assert (said in scan.warnings) == (uses is not None), scan.warnings


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("vr", ["OW", "US"])
@pytest.mark.parametrize("count", [4096, 4095])
def test_two_entries_of_8_bits_in_a_word(dicom: Any, tmp_path: Path, count: int, vr: str, bits: int) -> None:
    entries = (LINE[:count] // 16).astype(np.uint8)
    raw = entries.tobytes() + b"\0" * (count % 2)
    item = _table([0], 0, bits)
    item.LUTDescriptor = [count, 0, bits]
    item["LUTData"].VR = vr
    item["LUTData"].value = raw if vr == "OW" else np.frombuffer(raw, "<u2").tolist()
    scan = load(dicom.film(tmp_path, RAMP, VOILUTSequence=Sequence([item])))
    assert np.array_equal(scan.voxels[0], entries[np.clip(RAMP, 0, count - 1)])
    assert int(_shown(scan).max()) == 255


EMPTY: list[tuple[str, dict[str, Any]]] = [
    ("no fields", {}),
    ("no data", {"LUTDescriptor": [256, 0, 8]}),
    ("empty data", {"LUTDescriptor": [256, 0, 8], "LUTData": None}),
    ("no descriptor", {"LUTData": list(range(256))}),
    ("two numbers", {"LUTDescriptor": [256, 0], "LUTData": list(range(256))}),
    ("all zero", {"LUTDescriptor": [256, 0, 8], "LUTData": [0] * 256}),
    ("too few", {"LUTDescriptor": [256, 0, 8], "LUTData": [1] * 100}),
]


@pytest.mark.parametrize("fields", [fields for _, fields in EMPTY], ids=[name for name, _ in EMPTY])
def test_tables_without_entries_are_passed_over(dicom: Any, tmp_path: Path, fields: dict[str, Any]) -> None:
    """pydicom/pydicom#2238, fo-dicom/fo-dicom#1166."""
    item = Dataset()
    for name, value in fields.items():
        item.add_new(name, "US", value)
    alone = load(dicom.film(tmp_path, FILM, VOILUTSequence=Sequence([item])))
    assert np.array_equal(alone.voxels[0], FILM)
    assert any(FELL_BACK in note for note in alone.warnings)
    beside = {"WindowCenter": 2000, "WindowWidth": 2001, "VOILUTSequence": Sequence([item])}
    scan = load(dicom.film(tmp_path, FILM, **beside))
    assert scan.window == (999.5, 2999.5)
    assert any("is passed over, expected a look-up table" in note for note in scan.warnings)
    good = Sequence([item, _table(LINE, 0, 12)])
    assert np.array_equal(load(dicom.film(tmp_path, FILM, VOILUTSequence=good)).voxels[0], FILM)


@pytest.mark.parametrize(
    ("fields", "first", "vr"),
    [
        ({"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}, 64512, "US"),
        ({"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}, -1024, "SS"),
        ({"Modality": "MR", "RescaleSlope": 1, "RescaleIntercept": -1024}, 64512, "US"),
        ({"Modality": "MR", "RescaleSlope": 1, "RescaleIntercept": 32768}, -32768, "SS"),
        ({"Modality": "CR"}, 0, "SS"),
    ],
)
def test_the_sign_of_the_first_value(dicom: Any, tmp_path: Path, fields: dict[str, Any], first: int, vr: str) -> None:
    """PS3.3 C.11.2.1.1: signed where what goes in can be negative, as in CT, whatever the VR says."""
    item = _table(LINE, first, 12)
    item["LUTDescriptor"].VR = vr
    scan = load(dicom.film(tmp_path, FILM, VOILUTSequence=Sequence([item]), **fields))
    assert np.array_equal(scan.voxels[0], FILM), scan.warnings


@pytest.mark.parametrize("modality", ["XA", "RF"])
def test_a_modality_table_of_angiography_is_not_shown(dicom: Any, tmp_path: Path, modality: str) -> None:
    """It leads back to X-ray intensity: DCMTK, dimomod.cc; fo-dicom#1442, dcm4che#688."""
    table = _table((LINE**2) // 4096, 0, 12)
    fields = {"ModalityLUTSequence": Sequence([table]), "Modality": modality}
    scan = load(dicom.film(tmp_path, FILM, **fields))
    assert np.array_equal(scan.voxels[0], FILM)
    assert any("of XA or XRF is not for showing" in note for note in scan.warnings)
    assert not np.array_equal(load(dicom.film(tmp_path, FILM, **{**fields, "Modality": "CR"})).voxels[0], FILM)


def test_an_empty_modality_table_is_passed_over(dicom: Any, tmp_path: Path) -> None:
    scan = load(dicom.film(tmp_path, FILM, ModalityLUTSequence=Sequence([Dataset()])))
    assert np.array_equal(scan.voxels[0], FILM)
    assert "values: a modality look-up table without entries is passed over" in scan.warnings


def test_one_table_for_all_slices_is_applied(dicom: Any, tmp_path: Path) -> None:
    def declare(k: int, data: FileDataset) -> None:
        data.VOILUTSequence = Sequence([_table(np.arange(256), 0, 8)])

    scan = load(dicom.series(tmp_path / "ct", FILM.reshape(3, 2, 8).astype(np.int16), declare))
    assert np.array_equal(scan.voxels, np.clip(FILM.reshape(3, 2, 8).astype(int) - 1000, 0, 255))
    assert scan.window == (0, 255)


def test_colours_have_no_window_of_their_own(dicom: Any, tmp_path: Path) -> None:
    path = dicom.film(tmp_path, np.zeros((4, 4, 3), np.uint8), **NAMED)
    assert load(path, window=(128, 256)).window == (0, 256)
    for window in (0, "LUNG"):
        with pytest.raises(InputError) as caught:
            load(path, window=window)
        assert caught.value.code == "window"


def test_seven_bits_are_no_window_of_rescaled_values(dicom: Any, tmp_path: Path) -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    bits = {"BitsStored": 7, "HighBit": 6}
    assert load(dicom.film(tmp_path, pixels, **bits)).window == (0, 127)
    scan = load(dicom.film(tmp_path, pixels, RescaleSlope=10, RescaleIntercept=0, **bits))
    assert scan.window == pytest.approx((2.35, 467.65))
    assert load(dicom.film(tmp_path, pixels, **bits), window=(5, 4)).window == (3, 7)


def test_another_window_replaces_what_was_said_of_the_first(dicom: Any, tmp_path: Path) -> None:
    path = dicom.film(tmp_path, FILM, Modality="CT")
    assert load(load(path), window="lung").warnings == load(path, window="lung").warnings
