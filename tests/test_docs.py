"""README and docs are true: their Python runs, their links lead somewhere, their pages are current."""

from __future__ import annotations

import io
import os
import re
import runpy
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from umit.cli import main
from umit.tasks.table import TASKS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = (README, ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
COMPILE_ONLY = "<!-- compile only -->"  # stands before a block that needs weights or a device

BLOCK = re.compile(rf"(?P<mark>{COMPILE_ONLY}\n)?^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
# A place on somebody's machine, or the host of a package registry.
MACHINE = re.compile(r"(?<![\w.])/(?:home|root|Users|work|opt|mnt|srv)/\w|[A-Z]:\\Users\\")
REGISTRY = re.compile(r"https?://[^\s/]*(?:pypi|registry|mirror|artifact|nexus|pythonhosted)")


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def script(page: Path) -> str:
    """Return a page's Python, each line where it stands in the page."""
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for block in BLOCK.finditer(text):
        if block["mark"]:
            continue
        first = text.count("\n", 0, block.start("code"))
        code = block["code"].splitlines()
        lines[first : first + len(code)] = code
    return "\n".join(lines)


def run(code: str, folder: Path, title: str) -> str:
    """Run code in a folder of its own, and return what it prints.

    In this process, since importing torch and transformers takes ten seconds; a task that a page adds is taken away.
    """
    told, before, tasks = io.StringIO(), Path.cwd(), dict(TASKS)
    os.chdir(folder)
    try:
        with redirect_stdout(told), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code, title, "exec"), {"__name__": "__main__", "__file__": f"{title}.py"})
    finally:
        os.chdir(before)
        TASKS.clear()
        TASKS.update(tasks)
    return told.getvalue()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the files that the pages speak of, all drawn."""
    import nibabel
    import numpy as np
    from PIL import Image

    from umit.phantom import draw_cephalogram, draw_film, draw_volume

    film, volume = draw_film(7, lateral=True), draw_volume(7)
    assert film.lateral is not None
    Image.fromarray(film.pixels).save(tmp_path / "film.png")
    Image.fromarray(film.lateral).save(tmp_path / "lateral.png")
    Image.fromarray(draw_cephalogram(7).pixels).save(tmp_path / "skull.png")
    stored = nibabel.Nifti1Image(volume.voxels.transpose(2, 1, 0), np.array(volume.affine))
    nibabel.save(stored, tmp_path / "abdomen.nii.gz")
    series = tmp_path / "series"
    series.mkdir()
    example: dict[str, Any] = runpy.run_path(str(ROOT / "examples" / "dicom_series.py"))
    example["write_series"](series, volume)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if p != README and script(p).strip()], ids=name)
def test_python_of_a_page_runs(page: Path, files: Path) -> None:
    run(script(page), files, page.stem.replace("-", "_"))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_python_of_a_page_compiles(page: Path) -> None:
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        compile(block["code"], name(page), "exec")


@pytest.mark.slow
def test_readme_prints_what_it_shows(files: Path) -> None:
    shown = re.search(r"^```python\n.*?^```\n\n```text\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)
    assert shown, "the block under README's Python must hold what it prints"
    printed, expected = run(script(README), files, "readme"), shown[1]
    number = re.compile(r"-?\d+(?:\.\d+)?")
    assert number.sub("#", printed.strip()) == number.sub("#", expected.strip())
    # Two CPUs may round differently, and a box may move by a pixel.
    assert [float(v) for v in number.findall(printed)] == pytest.approx(
        [float(v) for v in number.findall(expected)], abs=2
    )


def test_readme_holds_both_commands_once() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    for command in (
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/umit demo",
        "python3 -m venv .venv-dev && .venv-dev/bin/pip install nox && .venv-dev/bin/nox",
    ):
        assert lines.count(command) == 1


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_is_in_the_nav() -> None:
    import yaml

    def leaves(node: Any) -> list[str]:
        if isinstance(node, str):
            return [node]
        return [leaf for part in (node.values() if isinstance(node, dict) else node) for leaf in leaves(part)]

    nav = leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    assert sorted(nav) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


@pytest.mark.slow  # writes the whole page anew
def test_formats_page_is_current() -> None:
    made = runpy.run_path(str(DOCS / "_formats.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/_formats.py"


def test_datasets_page_is_current() -> None:
    made = runpy.run_path(str(DOCS / "_datasets.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/_datasets.py"


def test_recipes_page_shows_the_results_that_are_kept() -> None:
    made = runpy.run_path(str(DOCS / "_recipes.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert text == made["with_results"](text), "run: python docs/_recipes.py"
    kept = {path.stem for path in made["RESULTS"].glob("*.json")} & made["SHOWN"].keys()
    assert all(f"| `{name}` |" in text for name in kept)


def test_serve_page_shows_what_was_measured() -> None:
    made = runpy.run_path(str(DOCS / "_serve.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert text == made["with_result"](text), "run: python docs/_serve.py"


def test_metrics_page_is_current() -> None:
    made = runpy.run_path(str(DOCS / "_metrics.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run: python docs/_metrics.py"


def test_command_line_page_names_real_flags(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "how-to" / "command-line.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    lines = re.findall(r"^umit ((?:data )?[a-z]+)(.*)$", text, re.M)
    known: set[str] = set()
    for verb in {verb for verb, _ in lines}:
        assert main([*verb.split(), "--help"]) == 0
        flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out))
        known |= flags
        for other, rest in lines:
            if other == verb:
                assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest)) <= flags, verb
    assert named <= known


def test_no_machine_is_named() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, timeout=60,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    found = []
    for relative in listed.stdout.decode().split("\0"):
        path = ROOT / relative
        if not relative or not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [f"{relative}: {m[0]}" for m in (*MACHINE.finditer(text), *REGISTRY.finditer(text))]
    assert found == []


def test_pages_show_the_measured_board(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # it adds a folder
    monkeypatch.setattr(sys, "argv", ["_board.py", "--check"])
    made = runpy.run_path(str(DOCS / "_board.py"))
    assert made["main"]() == 0, capsys.readouterr().out


def test_the_page_on_scale_shows_what_is_counted() -> None:
    made = runpy.run_path(str(DOCS / "_scale.py"))
    assert f"<!-- plan -->\n\n{made['table']()}\n\n<!-- /plan -->" in made["PAGE"].read_text(encoding="utf-8")
