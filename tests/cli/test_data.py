"""``umit data``: the list, a few samples drawn, rows written, downloads unpacked."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from umit.cli import main
from umit.datasets import NAMES

from ..datasets.layouts import layout


def test_the_list_has_sixteen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in f"\n{shown}" for name in NAMES)
    assert "16 data sets. Research use only, not a medical device." in shown
    assert main(["data", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == list(NAMES)
    assert all(one["licence"] and one["home"] and one["tasks"] for one in listed)


def test_the_list_needs_no_torch() -> None:
    run = "import sys; from umit.cli import main; main(['data', 'list']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", run], capture_output=True).returncode == 0


def test_samples_are_printed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    layout("rsna").write(tmp_path / "in")
    words = ["data", "show", "rsna", str(tmp_path / "in"), "--language", "zh", "--limit", "1"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "肺炎" in shown and "2 boxes" in shown
    with Image.open(tmp_path / "out" / "rsna-1.png") as drawn:
        assert len({drawn.getpixel((x, 300)) for x in range(0, drawn.width, 2)}) > 10
    assert main([*words, "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["task"] == "detect_2d" and len(one["gold"]["items"]) == 2


def test_rows_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    layout("isbi-2015").write(tmp_path / "in")
    target = tmp_path / "rows.jsonl"
    words = ["data", "convert", "isbi-2015", str(tmp_path / "in"), str(target)]
    assert main([*words, "--split", "train", "--language", "en"]) == 0
    assert f"wrote 19 rows to {target}" in capsys.readouterr().out
    assert len(target.read_text("utf-8").splitlines()) == 19


@pytest.mark.parametrize("to", ["swift", "shards", "coco"])
def test_what_cannot_be_written_is_told_and_ends_with_3(
    to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    layout("rsna").write(tmp_path / "in")
    films = sorted((tmp_path / "in" / "stage_2_train_images").iterdir())
    films[0].write_bytes(b"")
    words = ["data", "convert", "rsna", str(tmp_path / "in"), str(tmp_path / "out"), "--to", to]
    assert main([*words, "--language", "en"]) == 3
    shown = capsys.readouterr()
    assert shown.out == f"wrote 1 rows to {tmp_path / 'out'}, 1 left out\n"
    (line,) = shown.err.splitlines()
    assert f"left out: {films[0].name}: expected a picture, got 0 bytes" in line
    assert "stage_2_train_labels.csv line 3" in line
    films[1].write_bytes(b"")
    words[4] = str(tmp_path / "two")
    assert main([*words, "--language", "en"]) == 2, "nothing is left to write"
    assert not (tmp_path / "two").exists()


def test_fields_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout("cm-vl-a").write(tmp_path)
    words = ["data", "show", "cm-vl-a", str(tmp_path), "--limit", "1"]
    assert main(words) == 2
    assert "the rows have pmc_fig, context" in capsys.readouterr().err
    assert main([*words, "--field", "image=pmc_fig", "--field", "caption=context"]) == 0
    assert "右肺上叶结节" in capsys.readouterr().out


def test_downloads_are_unpacked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("imgs/a.txt", "a")
    assert main(["data", "unpack", str(tmp_path / "a.zip"), str(tmp_path / "out")]) == 0
    assert "unpacked 1 files" in capsys.readouterr().out
    assert main(["data", "unpack", str(tmp_path / "a.zip"), str(tmp_path / "out")]) == 2
    assert "exists" in capsys.readouterr().err


def test_the_commands_of_the_how_to_read_slake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word, on archives as the data set is downloaded: ``imgs.zip`` holds ``imgs/``."""
    (tmp_path / "drawn").mkdir()
    layout("slake").write(tmp_path / "drawn")
    (tmp_path / "slake").mkdir()
    with zipfile.ZipFile(tmp_path / "imgs.zip", "w") as archive:
        for path in sorted((tmp_path / "drawn").rglob("*.*")):
            name = path.relative_to(tmp_path / "drawn")
            if name.parts[0] == "imgs":
                archive.write(path, name)
            else:
                path.rename(tmp_path / "slake" / name)
    text = Path(__file__).parents[2].joinpath("docs", "how-to", "read-data-sets.md").read_text("utf-8")
    block = text.split("```bash\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    told = {}
    for line in block.splitlines():
        words = line.split("#")[0].split()[1:]
        told[words[1]] = main(words), capsys.readouterr().out
    assert "unpacked 4 files to slake/imgs" in told["unpack"][1]
    assert told["show"][0] == told["convert"][0] == 0 and told["check"][0] in (0, 1)
    assert "missing" not in told["check"][1]
    assert list((tmp_path / "pictures").iterdir())
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()]
    assert rows and all((tmp_path / name).is_file() for row in rows for name in row["images"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "show", "slakes", "."], "expected one of pmc-oa"),
        (["data", "show", "slake", "nowhere"], "found nothing"),
        (["data", "show", "slake", ".", "--split", "exam"], "'exam'"),
        (["data", "show", "rsna", ".", "--variant", "x"], "no variant"),
        (["data", "show", "vqa-rad", ".", "--language", "zh"], "expected en"),
    ],
)
def test_bad_use_is_one_line(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]


@pytest.mark.parametrize(("name", "to"), [("a.parquet", "swift"), ("a.PARQUET", "coco"), ("a.jsonl", "parquet")])
def test_a_converted_file_is_not_called_as_another_forms(
    name: str, to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.csv").write_text("image,label\na.png,x\nb.png,y\n")
    assert main(["data", "convert", str(tmp_path / "my.csv"), str(tmp_path / name), "--to", to]) == 2
    assert f"does not end as another form's, got {name[1:].lower()} for {to}" in capsys.readouterr().err
    assert not (tmp_path / name).exists()
