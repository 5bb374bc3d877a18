"""VQA metrics against the recorded output of the reference scorers, at the tolerances of their README."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from umit.metrics.meteor import nltk_meteor
from umit.metrics.protocol import Protocol, Reply
from umit.metrics.sentence import bleu, bleu_1, rouge_f, rouge_sets, rouge_words
from umit.metrics.vqa_llava_med import LLAVA_MED, closed_by_word, closed_hit, closed_hit_pvqa, open_overlap
from umit.metrics.vqa_m3d import choice_hit
from umit.metrics.vqa_medevalkit import (
    MEDEVALKIT_SLAKE,
    MEDEVALKIT_VQA_RAD,
    Rule,
    closed_equal,
    closed_yes_no,
    extracted,
    open_answer,
    slake_rule,
    vqa_rad_rule,
)
from umit.metrics.words import llava_med_words, official_words, without_punctuation

pytestmark = pytest.mark.shared

Item = dict[str, Any]
Golden = Callable[[str], Any]


def near(expected: float, *, rel: float = 0.0) -> Any:
    """README: 1e-12; BLEU 1e-9 relative, where a number below 1e-155 is zero by another name."""
    return pytest.approx(expected, abs=1e-12, rel=rel)


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    folder = shared / "golden" / "metrics"
    return lambda name: json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def items(golden: Golden) -> dict[str, Item]:
    found = {item["id"]: item for item in golden("vqa_inputs")["items"]}
    assert len(found) == 425
    return found


def _mean(values: Iterable[float | None]) -> float:
    there = [value for value in values if value is not None]
    return fmean(there) if there else math.nan


def _means(protocol: Protocol, replies: Sequence[Reply]) -> dict[str, float]:
    """Return each column's mean over the replies that it scores."""
    rows = [protocol.score(reply) for reply in replies]
    return {one.name: _mean(row[i] for row in rows) for i, one in enumerate(protocol.columns)}


def _joined(golden: Golden, name: str, items: Mapping[str, Item]) -> Iterator[tuple[str, str, Item, Item]]:
    expected = golden(name)["expected"]
    assert {one["id"] for one in expected} <= items.keys()
    for one in expected:
        item = items[one["id"]]
        yield item["prediction"], item["answer"], item, one


def _reply(item: Item) -> Reply:
    return Reply(predicted=item["prediction"], true=item["answer"], closed=item["answer_type"] == "CLOSED")


def test_llava_med_item_by_item(golden: Golden, items: dict[str, Item]) -> None:
    opened = closed = 0
    for predicted, true, _, expected in _joined(golden, "vqa_llava_med", items):
        assert llava_med_words(true) == expected["norm_answer"]
        assert llava_med_words(predicted) == expected["norm_prediction"]
        if "closed_hit" in expected:
            closed += 1
            assert closed_hit(predicted, true) == expected["closed_hit"]
            assert closed_by_word(predicted, true) == expected["corrected_word_level"]
            continue
        opened += 1
        found, corrected = open_overlap(predicted, true), expected["corrected_clipped"]
        assert found.recall == near(expected["recall"])
        assert found.precision == near(expected["precision"])
        assert found.f1 == near(expected["f1"])
        assert found.covered == near(expected["exact"])
        assert found.bleu == near(expected["bleu"], rel=1e-9)
        assert found.bleu_1 == near(expected["bleu_1"], rel=1e-9)
        assert found.bleu_2 == near(expected["bleu_2"], rel=1e-9)
        assert found.bleu_3 == near(expected["bleu_3"], rel=1e-9)
        assert found.clipped_recall == near(corrected["recall"])
        assert found.clipped_precision == near(corrected["precision"])
        assert found.clipped_f1 == near(corrected["f1"])
        assert found.equal == expected["corrected_exact"]
    assert (opened, closed) == (213, 212)


def _subset(items: Mapping[str, Item], name: str) -> list[Item]:
    def yes_no(item: Item) -> bool:
        return item["answer_type"] == "OPEN" or item["answer"].lower() in ("yes", "no")

    chosen: dict[str, Callable[[Item], bool]] = {
        "all": lambda item: True,
        "en": lambda item: item["lang"] == "en",
        "VQA-RAD": lambda item: item["dataset"] == "VQA-RAD",
        "SLAKE": lambda item: item["dataset"] == "SLAKE",
        "SLAKE-en": lambda item: item["dataset"] == "SLAKE" and item["lang"] == "en",
        "SLAKE-zh": lambda item: item["dataset"] == "SLAKE" and item["lang"] == "zh",
        "en_yes_no_closed_only": lambda item: item["lang"] == "en" and yes_no(item),
    }
    return [item for item in items.values() if chosen[name](item)]


#: Columns of ours beside run_eval.py's own names.
_PRINTED = {
    "open recall": "recall",
    "open precision": "precision",
    "open F1": "f1 score",
    "open exact match": "exact match score",
    "open BLEU": "bleu_score",
    "open BLEU-1": "bleu_score_1",
    "open BLEU-2 alone": "bleu_score_2",
    "open BLEU-3 alone": "bleu_score_3",
    "closed accuracy": "yes/no accuracy",
}
_CORRECTED = {
    "closed accuracy by word": "closed_word_level",
    "open equality": "open_exact",
    "open recall, clipped": "open_clipped_recall",
    "open precision, clipped": "open_clipped_precision",
    "open F1, clipped": "open_clipped_f1",
}


def test_llava_med_totals(golden: Golden, items: dict[str, Item]) -> None:
    totals = golden("vqa_llava_med")["aggregate"]
    assert len(totals) == 6
    for name, expected in totals.items():
        replies = [_reply(item) for item in _subset(items, name)]
        opened = [reply for reply in replies if not reply.closed]
        assert (len(replies), len(opened)) == (expected["n"], expected["n_open"]), name
        found = _means(LLAVA_MED, replies)
        for column, printed in _PRINTED.items():
            assert 100 * found[column] == near(expected["reference_percent"][printed], rel=1e-9)
        for column, corrected in _CORRECTED.items():
            assert 100 * found[column] == near(expected["corrected"][corrected], rel=1e-12)
        shortened = found["closed accuracy, run_eval_pvqa"]
        assert 100 * shortened == near(expected["run_eval_pvqa_closed_percent"], rel=1e-12)
        kept = [closed_hit_pvqa(one.predicted, one.true) for one in replies if one.closed]
        assert len(kept) == expected["n_closed"]
        scored = sum(hit is not None for hit in kept)
        assert scored == expected["run_eval_pvqa_closed_denominator"]


_BRANCH: dict[Rule, str] = {"yes_no": "judgement", "equal": "close_end", "open": "open"}


def test_medevalkit_item_by_item(golden: Golden, items: dict[str, Item]) -> None:
    crashed = 0
    for predicted, true, item, expected in _joined(golden, "vqa_medevalkit", items):
        assert extracted(predicted) == expected["parsed"]
        rule = slake_rule
        if item["dataset"] == "VQA-RAD":
            rule, predicted, true = vqa_rad_rule, predicted.strip(), true.lower().strip()
        branch = rule(true, item["answer_type"] == "CLOSED")
        if "raises" in expected:  # umit: every score 0
            crashed += 1
            assert branch == "open" and not any(open_answer(predicted, true))
            continue
        assert _BRANCH[branch] == expected["branch"]
        if branch != "open":
            verdict = closed_yes_no if branch == "yes_no" else closed_equal
            assert verdict(predicted, true) == expected["correct"]
            continue
        found, printed, right = (open_answer(predicted, true), expected["metrics"], expected["metrics_relabelled"])
        assert found.equal == expected["correct"] == printed["em"]
        for n, value in enumerate((found.bleu_1, found.bleu_2, found.bleu_3, found.bleu_4), 1):
            assert value == near(printed[f"bleu{n}"], rel=1e-9)
        assert found.rouge_1 == near(printed["rouge1"])
        assert found.rouge_2 == near(printed["rouge2"])
        assert found.rouge_l == near(printed["rougel"])
        rotated = {"precision": found.f1, "recall": found.precision, "f1": found.recall}
        assert rotated == near({key: printed[key] for key in rotated})
        assert found.precision == near(right["precision"])
        assert found.recall == near(right["recall"])
        assert found.f1 == near(right["f1"])
    assert crashed == 19


def test_medevalkit_totals(golden: Golden, items: dict[str, Item]) -> None:
    data = golden("vqa_medevalkit")
    crashed = {one["id"] for one in data["expected"] if "raises" in one}
    assert len(data["aggregate"]) == 4
    for name, expected in data["aggregate"].items():
        # What crashes the kit is left out there; in a run of ours it counts as 0.
        kept = [item for item in _subset(items, name) if item["id"] not in crashed]
        assert len(kept) == expected["n_scored"]
        protocol = MEDEVALKIT_VQA_RAD if name == "VQA-RAD" else MEDEVALKIT_SLAKE
        found, printed = _means(protocol, [_reply(item) for item in kept]), expected["reference"]
        total, opened, closed = printed["total metrics"], printed["open"], printed["close"]
        assert opened["total"] + closed["total"] == total["total"] == len(kept)
        assert found["accuracy"] == near(total["acc"])
        assert found["accuracy"] * total["total"] == near(total["right"], rel=1e-12)
        assert found["closed accuracy"] == near(closed["acc"])
        assert found["closed accuracy"] * closed["total"] == near(closed["right"], rel=1e-12)
        assert found["open exact match"] == near(opened["em"])
        assert found["open exact match"] * opened["total"] == near(opened["right"], rel=1e-12)
        assert found["open exact match"] / opened["total"] == near(opened["acc"])  # the twice-divided
        for n in (1, 2, 3, 4):
            assert found[f"open BLEU-{n}"] == near(opened[f"bleu{n}"], rel=1e-9)
        for n in ("1", "2", "L"):
            assert found[f"open ROUGE-{n}"] == near(opened[f"rouge{n.lower()}"])
        for label in ("precision", "recall"):
            assert found[f"open {label}, as printed"] == near(opened[label])
        assert found["open F1, as printed"] == near(opened["f1"])
        # The right names: printed precision is F1, printed recall is precision, printed F1 is recall.
        assert found["open F1"] == near(opened["precision"])
        assert found["open precision"] == near(opened["recall"])
        assert found["open recall"] == near(opened["f1"])


def test_m3d_closed(golden: Golden) -> None:
    data = golden("vqa_m3d_bench")
    closed = data["closed"]
    hits = [choice_hit(one["prediction"], one["answer_choice"]) for one in closed]
    assert len(hits) == 68
    assert hits == [one["correct"] for one in closed]
    types: defaultdict[str, list[float]] = defaultdict(list)
    for hit, one in zip(hits, closed, strict=True):
        types[one["question_type"]].append(hit)
    expected = data["closed_aggregate"]
    assert fmean(hits) == near(expected["accuracy"])
    means = {name: fmean(ones) for name, ones in types.items()}
    assert means == near(expected["per_question_type"])
    assert fmean(means.values()) == near(expected["mean_of_types"])


def _rouge_1(found: str, true: str) -> float:
    return rouge_f(rouge_words(found), rouge_words(true), 1)


def test_m3d_open(golden: Golden, items: dict[str, Item]) -> None:
    pytest.importorskip("nltk", reason="nltk comes with the extra 'reports'")
    meteor = nltk_meteor()
    values: list[tuple[str, float | None, float, float]] = []
    aligned = 0
    for predicted, true, item, expected in _joined(golden, "vqa_m3d_bench", items):
        texts = predicted.strip(), true.strip()
        values.append((item["lang"], bleu_1(*texts), _rouge_1(*texts), meteor(*texts)))
        if expected["bleu"] is None:  # the reference divides by zero
            assert values[-1][1] is None
        else:
            assert values[-1][1] == near(expected["bleu"], rel=1e-12)
        assert values[-1][2] == near(expected["rouge1"])
        if not any("." in text.rstrip(".") for text in texts):
            aligned += 1
            assert values[-1][3] == pytest.approx(expected["meteor"], abs=1e-6)
    assert (len(values), aligned) == (213, 205)
    totals = golden("vqa_m3d_bench")["aggregate"]
    assert sorted(totals) == ["all", "en", "zh"]
    for name, expected in totals.items():
        chosen = [one for one in values if name in ("all", one[0])]
        bleus = [one[1] for one in chosen if one[1] is not None]
        assert len(bleus) == expected["bleu"]["n"]
        assert fmean(bleus) == near(expected["bleu"]["mean"])
        assert len(chosen) == expected["rouge1"]["n"]
        assert fmean(one[2] for one in chosen) == near(expected["rouge1"]["mean"])
        # One text has a full stop within, and the recorded splitter of sentences was untrained.
        slack = 1e-6 if name == "zh" else 1e-4
        means = fmean(one[3] for one in chosen)
        assert means == pytest.approx(expected["meteor"]["mean"], abs=slack)


def test_official_normalisation(golden: Golden, items: dict[str, Item]) -> None:
    data = golden("vqa_official_norm")
    texts = [(items[one["id"]][one["field"]], one) for one in data["expected"]]
    texts += [(one["text"], one) for one in data["tricky_strings"]]
    assert len(texts) == 850 + 44
    for text, expected in texts:
        flat = text.replace("\n", " ").replace("\t", " ").strip()
        assert without_punctuation(flat) == expected["punct"]
        assert official_words(text) == expected["final"]


def test_sentence_scores_on_reports(golden: Golden) -> None:
    """Longer texts and several sentences, where the chains of ROUGE-L cross."""
    corpora = golden("reports_inputs")["corpora"]
    compared = 0
    for name, expected in golden("reports_other_en")["per_sample"].items():
        texts = {one["id"]: one for one in corpora[name]}
        for one in expected:
            text = texts[one["id"]]
            if len(text["refs"]) > 1:
                continue
            found, true = text["pred"], text["refs"][0]
            rouge = rouge_sets(found.lower(), true.lower())
            if rouge is None:
                assert "rouge_pkg" in one["raises"]
            else:
                kinds = ("rouge-1", "rouge-2", "rouge-l")
                assert rouge == near(tuple(one["rouge_pkg"][kind][2] for kind in kinds))
            assert _rouge_1(found, true) == near(one["rouge_score"]["rouge1"][2])
            weights = [(1.0,), (0.5,) * 2, (0.25,) * 4]
            values = bleu(found.split(), true.split(), weights)
            names = [f"nltk_sentence_bleu{n}" for n in (1, 2, 4)]
            assert values == near([one[key] for key in names], rel=1e-9)
            if (order_1 := bleu_1(found.strip(), true.strip())) is None:
                assert "hf_bleu1" in one["raises"]
            else:
                assert order_1 == near(one["hf_bleu1"], rel=1e-12)
            compared += 1
    assert compared == 152
