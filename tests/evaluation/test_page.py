"""The page holds what the journal holds, obeys nothing that stands in it, and can be filtered."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from html import escape
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.checkpoints import RELEASED
from umit.cli import main
from umit.errors import BackendError, InputError
from umit.evaluation.charts import charts, claims, froc_points
from umit.evaluation.gallery import chosen, pictures_of
from umit.evaluation.markdown import as_markdown
from umit.evaluation.page import shown, write_page
from umit.evaluation.score import score
from umit.evaluation.verdict import Item, items_of, verdicts
from umit.evaluation.words import METRICS as WORDS
from umit.evaluation.words import metric_words
from umit.model import UMIT
from umit.queries import Ask
from umit.results import Answer, Detections
from umit.tasks.table import TASKS
from umit.testing import ScriptedBackend

from ..conftest import missing_tool
from ..datasets.layouts import layout
from .runs import AWKWARD, MANIFEST, Case, case, every_task, write

VOID = {"meta", "img", "br", "path", "circle", "rect", "polyline"}


class Page(HTMLParser):
    """Elements of a page with their attributes, what is left open, and its words outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} closes another"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [given for name, given in self.elements if name == tag]


def _page(cases: list[Case], folder: Path, *, pictures: bool = False, **given: Any) -> Page:
    write(folder / "run", cases)
    found = pictures_of([sample for sample, _ in cases], shown(folder / "run"))
    write_page(folder / "run", folder / "page.html", pictures=found if pictures else None, **given)
    return Page((folder / "page.html").read_text("utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of every task and its page without pictures; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("whole")
    _page(every_task(), folder)
    return folder


def _read(folder: Path) -> Page:
    return Page((folder / "page.html").read_text("utf-8"))


def test_it_is_whole_and_fetches_nothing(whole: Path, tmp_path: Path) -> None:
    page = _page(every_task(), tmp_path, pictures=True, scored=score(whole / "run"))
    assert page.open == [] and page.elements[0][0] == "html"
    (policy,) = (m["content"] for m in page.all("meta") if "content" in m and "http-equiv" in m)
    assert policy.startswith("default-src 'none'") and "'unsafe-inline'; script-src 'sha256-" in policy
    refers = [v for _, given in page.elements for k, v in given.items() if k in ("src", "href", "data")]
    assert refers and all(v.startswith("data:image/webp;base64,") for v in refers)
    assert any("not a medical device" in words and "不是医疗器械" in words for words in page.words)


def test_counts_are_the_journals(whole: Path) -> None:
    page = _read(whole)
    text = (whole / "page.html").read_text("utf-8")
    told = {name: int(n) for name, n in re.findall(r'data-count="([^"]*)">(?:<button[^>]*>)?(\d+)<', text)}
    wanted = Counter(f"{s.task} {s.query.language} {s.id.partition('-')[0]}" for s, _ in every_task())
    assert {name: n for name, n in told.items() if n} == wanted
    seen = Counter(f"{a['data-task']} {a['data-language']} {a['data-verdict']}" for a in page.all("article"))
    assert seen == wanted


def test_filters_name_what_is_there(whole: Path) -> None:
    page = _read(whole)
    offered = {(b["data-key"], b["data-value"]) for b in page.all("button") if "data-key" in b}
    for key in ("verdict", "task", "language"):
        there = {a[f"data-{key}"] for a in page.all("article")}
        assert {value for k, value in offered if k == key} == there | {""}
    assert {value for k, value in offered if k == "page"} == {"en", "zh"}


def test_awkward_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    name = f"id {AWKWARD}"
    cases = [
        case(name, Ask(AWKWARD, (AWKWARD, "no")), Answer(text=AWKWARD, option=0), None),
        case("plain", Ask("Where?"), Answer(text="x"), Answer(text=AWKWARD)),
    ]
    manifest = {**MANIFEST, "checkpoint": AWKWARD, "dataset": AWKWARD}
    write(tmp_path / "run", cases, manifest)
    write_page(tmp_path / "run", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    page = Page(text)
    assert len(page.all("script")) == 1 and not page.all("img") and page.open == []
    assert "\u202e" not in text and "\x00" not in text, "spelled, not obeyed"
    spelled = AWKWARD.replace("\u202e", "\\u202e").replace("\x00", "\\x00")
    assert "".join(page.words).count(spelled) >= 7, "id, question, options, truth, raw, title"


def test_half_a_surrogate_pair_does_not_stop_it(tmp_path: Path) -> None:
    write(tmp_path, every_task()[:1])
    path = tmp_path / "results.jsonl"
    record = json.loads(path.read_text("utf-8"))
    record["raw"] = "\ud83d"
    path.write_text(json.dumps(record) + "\n", "utf-8")
    write_page(tmp_path, tmp_path / "page.html")
    assert "\\ud83d" in (tmp_path / "page.html").read_text("utf-8")


def test_own_words_are_in_both_languages(whole: Path) -> None:
    text = (whole / "page.html").read_text("utf-8")
    spoken = {language: re.findall(rf'class="own" lang="{language}"[^>]*>([^<]*)<', text) for language in ("en", "zh")}
    assert len(spoken["en"]) == len(spoken["zh"]) > 100
    untold = [w for w in spoken["zh"] if re.search("[A-Za-z]", w) and not re.search("[\u4e00-\u9fff]", w)]
    assert untold == []


def test_each_metric_stands_with_protocol_and_cost(whole: Path) -> None:
    text = (whole / "page.html").read_text("utf-8")
    for row in score(whole / "run").rows:
        if row.value == row.value:
            assert f">{metric_words(row.metric)[1]}</span></td><td>{row.protocol}</td>" in text
            assert escape(row.cost).replace("&#x27;", "&#39;") in text


def test_metrics_that_are_words_have_chinese_ones() -> None:
    abbreviated = re.compile(r"AUC|Acc@[\d.]+|BLEU-\d|CIDEr-D|METEOR|MRE|ROUGE-L|SDR [\d.]+ mm")
    names = {metric.name for spec in TASKS.values() for metric in spec.metrics}
    untold = {name for name in names if not abbreviated.fullmatch(name)} - set(WORDS)
    assert untold == set(), "umit/evaluation/chinese.toml"


def test_failed_items_are_said(tmp_path: Path) -> None:
    broken = case("a", Ask("Where?"), Answer(text="x"), BackendError("no engine", engine="none"))
    page = _page([*every_task()[:1], broken], tmp_path)
    assert [p["data-failed"] for p in page.all("p") if "data-failed" in p] == ["1"]


def test_charts_of_each_task(whole: Path) -> None:
    page = _read(whole)
    drawn = Counter(svg["aria-label"].split(" / ")[0] for svg in page.all("svg") if "role" in svg)
    # Detections have no presence here; options, labels and marks have probabilities.
    assert drawn == {
        "Reliability": 3, "Risk against coverage": 3, "FROC": 1, "Success by distance": 1, "Confusion": 1,
    }  # fmt: skip


def _of(task: str, run: Path) -> list[Item]:
    return [item for item in items_of(run) if item.task == task]


def test_claims_are_of_what_was_said(whole: Path) -> None:
    run = whole / "run"
    assert claims(_of("answer_closed", run)) == ([0.9, 0.6, 0.0], [1.0, 0.0, 0.0])
    # "mass" said yes with 0.8 and no with 0.4; "oedema" said no with 0.2, rightly.
    assert claims(_of("findings", run)) == ([0.8, 0.8, 0.6, 0.8], [1.0, 1.0, 0.0, 1.0])
    assert claims(_of("answer_open", run)) == ([], [])


def test_froc_needs_scores_and_keeps_views_apart(whole: Path) -> None:
    films = [item.pair for item in _of("detect_2d", whole / "run")]
    assert froc_points(films) == ([-0.1, None, None], [-0.5, -0.9])
    volumes = _of("detect_3d", whole / "run")
    assert froc_points([item.pair for item in volumes]) is None
    assert not list(charts("detect_3d", volumes))
    elsewhere = replace(films[0].gold.items[0], view=1)
    apart = replace(films[0], gold=Detections(items=(elsewhere,)))
    assert froc_points([apart]) == ([None], [-0.1]), "the same place in another view"


def test_every_task_has_a_rule() -> None:
    for task in TASKS:
        assert verdicts(task, []) == [] and all(TASKS[task].rule), task


def test_few_of_many_are_shown_and_all_counted(tmp_path: Path) -> None:
    many = [case(f"{n:03}", Ask("Where?"), Answer(text="x"), Answer(text="x")) for n in range(100)]
    page = _page(many, tmp_path, most=10)
    assert len(page.all("article")) == 10 and ">100<" in (tmp_path / "page.html").read_text("utf-8")
    spread = [item.record["id"] for item in chosen(items_of(tmp_path / "run"), 4)]
    assert spread == ["000", "025", "050", "075"]


def _colours(url: str) -> np.ndarray[Any, Any]:
    from base64 import b64decode

    with Image.open(BytesIO(b64decode(url.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)


def test_pictures_have_found_and_true_marks(tmp_path: Path) -> None:
    cases = [c for c in every_task() if c[0].id in ("wrong-box", "unreadable-point", "right-box-3d")]
    page = _page(cases, tmp_path, pictures=True)
    orange, blue = (np.array(c) for c in ((230, 159, 0), (86, 180, 233)))
    found = {}
    for (sample, _), picture in zip(cases, page.all("img"), strict=True):
        pixels = _colours(picture["src"])
        found[sample.id] = tuple(bool((np.abs(pixels - colour).max(axis=1) < 40).any()) for colour in (orange, blue))
    assert found["wrong-box"] == (True, True) and found["unreadable-point"] == (False, True)


def test_a_picture_that_cannot_be_had_is_left_out(tmp_path: Path) -> None:
    def gone(name: str) -> None:
        raise InputError("expected a file", code="missing")

    write(tmp_path, every_task()[:1])
    for pictures in (gone, lambda name: None):
        write_page(tmp_path, tmp_path / "page.html", pictures=pictures)
        assert not Page((tmp_path / "page.html").read_text("utf-8")).all("img")


def test_markdown_keeps_its_columns(tmp_path: Path) -> None:
    write(tmp_path, every_task()[:12], {**MANIFEST, "checkpoint": "a|b"})
    table = as_markdown(score(tmp_path))
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1 and len(lines) > 50
    assert "a\\|b" in table and "not a medical device" in table


def test_the_score_command_writes_both(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    assert main(["score", str(whole / "run"), "--page", str(out), "--markdown"]) == 0
    assert capsys.readouterr().out.count("\n| ") > 50 and out.read_text("utf-8").endswith("</html>\n")
    words = ["evaluate", "slake", "--root", "x", "--run", "y", "--shard", "1/2", "--page", str(out)]
    assert main(words) == 2
    assert "umit score DIR --page" in capsys.readouterr().err


def test_pages_of_a_data_set_have_its_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def scripted(*given: Any, **more: Any) -> UMIT:
        return UMIT(ScriptedBackend(lambda request: "[[?]]"), RELEASED["dz-osamu/UMIT-B"])

    monkeypatch.setattr(UMIT, "from_pretrained", scripted)
    (tmp_path / "in").mkdir()
    layout("slake").write(tmp_path / "in")
    root, run = ["--root", str(tmp_path / "in")], str(tmp_path / "run")
    out = tmp_path / "page.html"
    asked = ["evaluate", "slake", *root, "--run", run, "--split", "test", "--language", "zh"]
    assert main([*asked, "--page", str(out)]) == 0
    first = out.read_text("utf-8")
    page = Page(first)
    assert len(page.all("img")) == len(page.all("article")) > 0
    assert main(["score", run, *root, "--page", str(out)]) == 0
    assert out.read_text("utf-8") == first, "the same page without the model"
    write(tmp_path / "own", every_task()[:1], {"dataset": "samples"})
    assert main(["score", str(tmp_path / "own"), *root, "--page", str(out)]) == 2
    assert "named data set" in capsys.readouterr().err


def test_a_missing_tool_skips_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMIT_REQUIRE_TOOLS", "java, no-such-tool")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert missing_tool("no-such-tool") == ("no-such-tool is not installed", True)
    assert missing_tool("chromium") == ("chromium is not installed", False)
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert missing_tool("chromium") is None
