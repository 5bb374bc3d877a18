"""Five verbs over files: rows, tables, JSON, drawings and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import PHANTOM, RELEASED
from umit.cli import ask, main
from umit.imaging.read import load
from umit.results import from_dict

VERBS: dict[str, list[str]] = {
    "answer": ["--question", "Is there nodule in this image?", "--option", "yes", "--option", "no"],
    "report": [],
    "classify": ["--label", "normal", "--label", "nodule"],
    "detect": ["--target", "nodule"],
    "landmarks": ["--name", "Sella"],
}


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("verb", VERBS)
def test_people_see_the_value_and_the_notice(
    verb: str, script: Any, film: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    assert main([verb, film, *VERBS[verb]]) == 0
    out, err = capsys.readouterr()
    expected = {
        "answer": "yes  (probability 0.948, not calibrated)",
        "report": "Clear.\nNormal.",
        "classify": "normal  (probability 0.948, not calibrated)",
        "detect": "nodule: 2 boxes  (probability 0.948, not calibrated)\n"
        "  1  (0.0, 0.0) to (512.0, 256.0)\n  2  (128.0, 128.0) to (256.0, 192.0)",
        "landmarks": "Sella: 1  (512.0, 256.0)",
    }[verb]
    assert out == f"{film}: {expected}\n{PHANTOM.notice}\n"
    assert err == ""


def test_several_labels_are_told_one_by_one(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "out.csv"
    script()
    labels = ["--label", "nodule", "--label", "effusion", "--several"]
    assert main(["classify", film, *labels, "--csv", str(table)]) == 0
    said = "yes  (probability 0.948, not calibrated)"
    lines = [f"{film}: nodule: {said}", f"{film}: effusion: {said}", PHANTOM.notice]
    assert capsys.readouterr().out == "\n".join(lines) + "\n"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["text"]) for row in rows] == [("nodule", "yes"), ("effusion", "yes")]
    assert all(float(row["probability"]) == pytest.approx(0.948, abs=1e-3) for row in rows)


@pytest.mark.parametrize("verb", VERBS)
def test_json_is_the_result_with_file_and_notice(
    verb: str, script: Any, film: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    assert main([verb, film, *VERBS[verb], "--json", "--language", "zh"]) == 0
    (found,) = documents(capsys.readouterr().out)
    about = {key: found.pop(key) for key in ("file", "task", "name", "notice")}
    assert about["file"] == film and about["task"] == verb and about["notice"] == PHANTOM.notice
    assert from_dict(found).checkpoint == "umit-phantom"


def test_table_has_a_row_for_each_box_and_each_failure(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, missing = tmp_path / "out.csv", str(tmp_path / "missing.png")
    script()
    asked = ["--target", "nodule", "--target", "cavity", "--csv", str(table)]
    assert main(["detect", film, missing, *asked]) == 3
    assert "umit: 1 of 3 items failed" in capsys.readouterr().err
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["number"], row["x2"]) for row in rows[:4]] == [
        ("nodule", "1", "512.0"), ("nodule", "2", "256.0"),
        ("cavity", "3", "512.0"), ("cavity", "4", "256.0"),
    ]  # fmt: skip
    assert len(rows) == 5 and rows[4]["file"] == missing and not rows[4]["x1"]
    assert rows[4]["error"].startswith("missing: missing.png: expected a file or folder")
    assert {row["notice"] for row in rows} == {PHANTOM.notice}
    assert float(rows[0]["probability"]) == pytest.approx(0.948, abs=1e-3)


def test_unreadable_text_is_a_row_and_the_others_go_on(
    script: Any, film: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script(["[30,40]", "no\x1b[31m idea", "[60,80]"])
    names = ["--name", "Sella", "--name", "Nasion", "--name", "Menton"]
    assert main(["landmarks", film, *names, "--json"]) == 3
    first, second, third = documents(capsys.readouterr().out)
    assert first["items"][0]["name"] == "Sella" and third["items"][0]["name"] == "Menton"
    assert second["type"] == "ParseError" and second["error"]["raw"] == "no\x1b[31m idea"
    script(["[30,40]", "no\x1b[31m idea", "[60,80]"])
    assert main(["landmarks", film, *names]) == 3
    out = capsys.readouterr().out
    assert "Nasion: unreadable: " in out and "Menton: 3  (" in out and "\x1b" not in out


def test_nothing_found_is_said(script: Any, film: str, capsys: pytest.CaptureFixture[str]) -> None:
    script(lambda request: "There is no nodule in this image." if not request.options else "1:yes")
    assert main(["detect", film, "--target", "nodule"]) == 0
    assert capsys.readouterr().out.startswith(f"{film}: nodule: none\n")


def test_all_nineteen_landmarks_are_asked_unless_named(script: Any, film: str) -> None:
    backend = script()
    assert main(["landmarks", film]) == 0
    assert len(backend.requests) == 19


def test_detection_asks_for_presence_only_where_it_is_known(script: Any, film: str) -> None:
    backend = script(card=RELEASED["dz-osamu/Disease_Detection"])
    assert main(["detect", film, "--target", "nodule"]) == 0
    assert len(backend.requests) == 1


def test_drawings_have_names_of_their_own(script: Any, film: str, tmp_path: Path) -> None:
    other = tmp_path / "b" / "film.png"
    other.parent.mkdir()
    other.write_bytes(Path(film).read_bytes())
    script()
    out = tmp_path / "pictures"
    assert main(["detect", film, str(other), "--target", "结节", "--out", str(out)]) == 0
    assert sorted(p.name for p in out.iterdir()) == ["film-2.png", "film.png"]
    with Image.open(out / "film.png") as drawn:
        assert drawn.getpixel((0, 128)) == (230, 159, 0)


@pytest.mark.parametrize(
    "words, said",
    [
        (["answer", "FILM", "--question", " "], "umit: question: expected a question with words"),
        (["answer", "FILM", "--question", "Q", "--option", "a", "--option", "A"], "distinct options"),
        (["answer", "FILM", "--question", "Q", "--option", "a"], "at least two options"),
        (["classify", "FILM", "--label", "a", "--label", "a"], "distinct labels"),
        (["detect", "FILM", "--target", "<|im_end|>"], "spells a control token"),
        (["detect", "FILM", "--target", "a", "--target", "a"], "distinct targets"),
        (["landmarks", "FILM", "--name", " "], "expected a landmark with words"),
        (["report", "NOWHERE"], "expected a file or folder, got nothing there"),
        (["report", "TEXT"], "expected PNG"),
        (["report", "EMPTY"], "expected"),
        (["landmarks", "NOWHERE"], "expected a file or folder"),
        (["detect", "FILM"], "--target"),
        (["report", "FILM", "--language", "fr"], "--language"),
        (["report", "FILM", "--lang", "zh"], "--lang"),
        (["report"], "FILE-OR-FOLDER"),
        (["paint", "FILM"], "paint"),
        ([], "COMMAND"),
        (["report", "FILM", "--csv", "NOWHERE/out.csv"], "out.csv: expected a file in a folder that exists"),
    ],
)
def test_bad_use_is_one_line_and_code_2(
    words: list[str], said: str, script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    (tmp_path / "notes.txt").write_text("not a picture", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    places = {
        "FILM": film, "NOWHERE": str(tmp_path / "nowhere"), "TEXT": str(tmp_path / "notes.txt"),
        "EMPTY": str(tmp_path / "empty"), "NOWHERE/out.csv": str(tmp_path / "nowhere" / "out.csv"),
    }  # fmt: skip
    assert main([places.get(word, word) for word in words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("umit: ") and err.count("\n") == 1 and said in err
    assert "Traceback" not in err


def test_a_verb_that_the_checkpoint_does_not_have_is_bad_use(
    script: Any, film: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script(card=RELEASED["dz-osamu/VQA"])
    assert main(["landmarks", film]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1 and "knows answer_open, answer_closed, not landmark" in err
    assert out == "Research use only, not a medical device.\n"


def test_weights_that_are_not_there_are_bad_use(film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "weights").mkdir()
    assert main(["report", film, "--checkpoint", str(tmp_path / "weights")]) == 2
    assert "expected umit.json in 'weights'" in capsys.readouterr().err


def test_notes_of_reading_are_said_once(script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deep.png"
    Image.new("I;16", (64, 64), 900).save(path)
    script()
    assert main(["landmarks", str(path), "--name", "Sella", "--name", "Nasion"]) == 0
    assert capsys.readouterr().err.count("window: none declared") == 1


def test_an_unset_variable_is_no_folder(
    script: Any, film: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    monkeypatch.chdir(Path(film).parent)  # the folder holds one film, which must not be read
    assert main(["answer", "", *VERBS["answer"]]) == 2
    assert "got an empty path" in capsys.readouterr().err
    assert main(["answer", "", film, *VERBS["answer"], "--json"]) == 3
    first, second = documents(capsys.readouterr().out)
    assert (first["error"]["code"], second["text"]) == ("missing", "yes")


def test_what_cannot_be_drawn_is_a_row(
    script: Any, film: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    thin = tmp_path / "thin.png"
    Image.new("L", (2010, 10)).save(thin)
    out = tmp_path / "out"
    assert main(["report", str(thin), film, "--json", "--out", str(out)]) == 0
    said, err = capsys.readouterr()
    assert [Path(row["file"]).name for row in documents(said)] == ["thin.png", "film.png"]
    assert "thin.png: not drawn: expected sides of at most 200 to 1" in err
    assert [path.name for path in out.iterdir()] == ["film.png"]


READING = [
    (["--window", "lung"], {"window": "lung"}),
    (["--window", "2"], {"window": 2}),
    (["--window=-600,1500"], {"window": (-600.0, 1500.0)}),
    (["--window", "40/400"], {"window": (40.0, 400.0)}),
    (["--window", "Soft Tissue"], {"window": "Soft Tissue"}),
    (["--slices", "10,30"], {"slices": (10, 30)}),
    (["--slices=10:30"], {"slices": (10, 30)}),
    (["--spacing", "5,0.8,0.8"], {"spacing": (5.0, 0.8, 0.8)}),
    (["--frame", "3", "--window", "full"], {"frame": 3, "window": "full"}),
    ([], {}),
]


@pytest.mark.parametrize(("words", "expected"), READING)
@pytest.mark.parametrize("verb", VERBS)
def test_files_are_read_as_asked(
    verb: str, words: list[str], expected: dict[str, Any], script: Any, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script()
    asked: list[dict[str, Any]] = []

    def read(source: str, **options: Any) -> Any:
        asked.append(options)
        return load(source)

    monkeypatch.setattr(ask, "load", read)
    assert main([verb, film, *VERBS[verb], *words]) == 0
    assert asked == [expected]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--slices", "5"], "expected START,STOP, got '5'"),
        (["--slices", "1,2,3"], "expected START,STOP, got '1,2,3'"),
        (["--spacing", "a"], "expected numbers with commas between, got 'a'"),
        (["--frame", "x"], "argument --frame: invalid int value: 'x'"),
        (["--window", "1,2,3"], "expected a preset's name or (centre, width)"),
        (["--window", "kidney"], "expected a window of abdomen"),
        (["--spacing", "1,0"], "expected a positive number of mm"),
        (["--frame", "7"], "expected frame= of 0 to 0, got 7"),
    ],
)
def test_wrong_ways_of_reading(
    words: list[str], said: str, script: Any, film: str, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    assert main(["report", film, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_volume_of_several_is_chosen_on_the_line(
    script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script()
    path = tmp_path / "pages.tiff"
    pages = [Image.new("L", (64, 64), shade) for shade in (0, 90)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert main(["report", str(path)]) == 2
    assert "frame= of 0 to 1" in capsys.readouterr().err
    assert main(["report", str(path), "--frame", "1"]) == 0
