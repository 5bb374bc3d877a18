"""Report and caption metrics against the recorded output of the reference scorers, at their README's tolerances.

Not compared: precision and recall of the ``rouge`` package (umit gives its F alone), and nltk's METEOR, which
``test_metrics_vqa.py`` compares.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.errors import MissingExtraError
from umit.metrics.bleu import Smoothing, bleu_rows, coco_bleu, nltk_bleu, nmt_bleu, sacrebleu
from umit.metrics.captions import Corpus, cider, rouge_l
from umit.metrics.chinese import chinese_words_of_bleu, jieba_words, swift_means, swift_scores
from umit.metrics.chrf import chrf, chrf_rows
from umit.metrics.cleaning import ptb_words, r2gen_iu_xray, r2gen_mimic
from umit.metrics.meteor import meteor_counts, meteor_program, meteor_totals
from umit.metrics.rouge import google_rouge
from umit.metrics.sentence import bleu_words, rouge_sets

pytestmark = pytest.mark.shared

Item = dict[str, Any]
Texts = tuple[list[str], list[list[str]]]
METHODS: tuple[Smoothing, ...] = ("method1", "method2", "method3", "method4", "method7")


class Compared:
    """Compares at 1e-9 and counts, so that a golden file that shrinks is noticed."""

    def __init__(self) -> None:
        self.values = 0

    def __call__(self, found: Any, expected: Any, what: str) -> None:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=what)
        self.values += np.size(expected)


@pytest.fixture(scope="module")
def golden(shared: Path) -> Callable[[str], Any]:
    folder = shared / "golden" / "metrics"
    return lambda name: json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def corpora(golden: Callable[[str], Any]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = golden("reports_inputs")["corpora"]
    assert len(found) == 12
    return found


def _raw(items: Sequence[Item]) -> Texts:
    return [one["pred"] for one in items], [one["refs"] for one in items]


def _ptb(recorded: Item) -> Texts:
    tokens = recorded["ptb_tokens"]
    return [row[0] for row in tokens["preds"]], tokens["refs"]


def _cleaned(items: Sequence[Item]) -> Texts:
    found, true = _raw(items)
    return [r2gen_iu_xray(one) for one in found], [[r2gen_iu_xray(t) for t in row] for row in true]


def _coco(compare: Compared, texts: Texts, expected: Item, where: str) -> None:
    corpus = Corpus.of(*texts)
    rows = bleu_rows(corpus)
    whole, each = coco_bleu(rows), coco_bleu(rows, each=True)
    for n in range(4):
        recorded = expected[f"bleu_{n + 1}"]
        compare(whole[n], recorded["corpus"], where)
        compare(each[:, n], recorded["per_sample"], where)
    for name, values in (("rouge_l", rouge_l(*texts)), ("cider", cider(corpus))):
        if name in expected:  # R2Gen has no CIDEr
            compare(values.mean(), expected[name]["corpus"], where)
            compare(values, expected[name]["per_sample"], where)


def test_pycocoevalcap(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for name, recorded in golden("reports_pycocoevalcap")["expected"].items():
        _coco(compare, _raw(corpora[name]), recorded["raw"], f"{name}, raw")
        _coco(compare, _ptb(recorded), recorded["ptb"], f"{name}, PTB")
    assert compare.values == 2 * 6 * (158 + 12)


def test_r2gen(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare, data = Compared(), golden("reports_r2gen")
    for name, recorded in data["expected"].items():
        _coco(compare, _cleaned(corpora[name]), recorded, name)
    assert compare.values == 5 * (67 + 7)
    assert len(data["clean"]) == 53
    for one in data["clean"]:
        assert r2gen_iu_xray(one["text"]) == one["iu"]
        assert r2gen_mimic(one["text"]) == one["mimic"]


def test_ptb_tokens(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compared = 0
    for name, recorded in golden("reports_pycocoevalcap")["expected"].items():
        found, true = _raw(corpora[name])
        for texts, tokens in zip(
            [found, *true], [_ptb(recorded)[0], *_ptb(recorded)[1]], strict=True
        ):
            assert [ptb_words(text) for text in texts] == tokens
            compared += len(texts)
    assert compared == 325


@pytest.mark.slow
@pytest.mark.tool("java")
def test_meteor(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    try:
        meteor_program()
    except MissingExtraError as missing:
        wanted = "java" in os.environ.get("UMIT_REQUIRE_TOOLS", "")
        (pytest.fail if wanted else pytest.skip)(str(missing))
    cases: list[tuple[Texts, Item]] = []
    for name, recorded in golden("reports_pycocoevalcap")["expected"].items():
        cases += [(_raw(corpora[name]), recorded["raw"]), (_ptb(recorded), recorded["ptb"])]
    for name, recorded in golden("reports_r2gen")["expected"].items():
        cases.append((_cleaned(corpora[name]), recorded))
    # All in two starts of Java, which take most of the time.
    counts = iter(
        meteor_counts(
            [one for (found, _), _ in cases for one in found],
            [row for (_, true), _ in cases for row in true],
        )
    )
    compare = Compared()
    totals = meteor_totals([list(islice(counts, len(found))) for (found, _), _ in cases])
    for values, (_, expected) in zip(totals, cases, strict=True):
        compare(values.corpus, expected["meteor"]["corpus"], "corpus")
        compare(values.each, expected["meteor"]["per_sample"], "each")
    assert compare.values == 2 * (158 + 12) + 67 + 7


def _each_english(
    golden: Callable[[str], Any], corpora: dict[str, list[Item]]
) -> Iterator[tuple[Item, Item]]:
    for name, recorded in golden("reports_other_en")["per_sample"].items():
        yield from zip(corpora[name], recorded, strict=True)


def test_rouge_score(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for item, recorded in _each_english(golden, corpora):
        texts = item["pred"], item["refs"][0]
        plain, stemmed = google_rouge(*texts), google_rouge(*texts, stemmed=True)
        for name, values in recorded["rouge_score"].items():
            compare(plain[name], values, item["id"])
        for name, value in recorded["rouge_score_stem"].items():
            compare(stemmed[name].f, value, item["id"])
        compare(plain["rouge1"].f, recorded["hf_rouge1"], item["id"])
        rouge = rouge_sets(*(text.lower() for text in texts))
        if rouge is None:
            assert "rouge_pkg" in recorded["raises"]
        else:
            compare(rouge, [values[2] for values in recorded["rouge_pkg"].values()], item["id"])
    assert compare.values == 158 * (12 + 3 + 1) + 152 * 3


def test_bleu_of_sentences(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for item, recorded in _each_english(golden, corpora):
        found, true = [item["pred"]], [item["refs"]]
        rows = bleu_rows(Corpus.of(found, true, orders=5))
        for n in (1, 2, 4):
            compare(nltk_bleu(rows, orders=n), recorded[f"nltk_sentence_bleu{n}"], item["id"])
        for method in METHODS:
            value = nltk_bleu(rows, method, orders=4)
            compare(value, recorded[f"nltk_bleu4_{method}"], item["id"])
        for name, case in (("sacrebleu_sentence", str), ("sacrebleu_sentence_lc", str.lower)):
            texts = [case(t) for t in found], [[case(t) for t in row] for row in true]
            rows = bleu_rows(Corpus.of(*texts, words=bleu_words))
            compare(sacrebleu(rows, effective=True), recorded[name], item["id"])
        compare(chrf(chrf_rows(found, true)), recorded["chrf"], item["id"])
        stripped = [found[0].strip()], [[text.strip() for text in true[0]]]
        order_1 = nmt_bleu(bleu_rows(Corpus.of(*stripped, orders=1, words=bleu_words)))
        if order_1 is None:
            assert "hf_bleu1" in recorded["raises"]
        else:
            compare(order_1["bleu"], recorded["hf_bleu1"], item["id"])
    assert compare.values == 158 * 11 + 150


def test_bleu_of_corpora(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for name, recorded in golden("reports_other_en")["corpus"].items():
        texts = _raw(corpora[name])
        compare(nltk_bleu(bleu_rows(Corpus.of(*texts))), recorded["nltk_corpus_bleu4"], name)
        compare(chrf(chrf_rows(*texts)), recorded["sacrebleu_chrf"], name)
        rows, expected = (
            bleu_rows(Corpus.of(*texts, words=bleu_words)),
            recorded["sacrebleu_corpus"],
        )
        compare(sacrebleu(rows), expected["score"], name)
        compare(rows[:, 8:10].sum(0), [expected["sys_len"], expected["ref_len"]], name)
        for n in (1, 4):
            expected = recorded[f"hf_bleu_max{n}"]
            values = nmt_bleu(bleu_rows(Corpus.of(*texts, orders=n, words=bleu_words)))
            if values is None:
                assert "raises" in expected
                continue
            named = ("bleu", "brevity_penalty", "length_ratio")
            compare([values[key] for key in named], [expected[key] for key in named], name)
            shares = [values[f"precision_{k}"] for k in range(1, n + 1)]
            compare(shares, expected["precisions"], name)
    assert compare.values == 12 * 5 + 11 * (2 * 3 + 5)


def test_chinese(golden: Callable[[str], Any]) -> None:
    compare, data = Compared(), golden("reports_zh")
    items = golden("reports_inputs")["zh"]
    found, true = [one["pred"] for one in items], [one["refs"][0] for one in items]
    jieba = {text: r["jieba_pred"] for text, r in zip(found, data["expected"], strict=True)}
    jieba |= {text: r["jieba_ref"] for text, r in zip(true, data["expected"], strict=True)}
    scores = swift_scores(found, true, words=lambda text: jieba.get(text, [text]))
    for text, reference, score, recorded in zip(found, true, scores, data["expected"], strict=True):
        compare(score, list(recorded["swift"].values()), recorded["id"])
        pair = [text], [[reference]]
        rows = bleu_rows(Corpus.of(*pair, words=list))
        compare(nltk_bleu(rows, "method3"), recorded["char_bleu4_method3"], recorded["id"])
        compare(nltk_bleu(rows, orders=1), recorded["char_bleu1"], recorded["id"])
        rows = bleu_rows(Corpus.of(*pair, words=chinese_words_of_bleu))
        compare(sacrebleu(rows, effective=True), recorded["sacrebleu_zh"], recorded["id"])
        compare(chrf(chrf_rows(*pair)), recorded["chrf"], recorded["id"])
        spaced = [" ".join(text)], [[" ".join(reference)]]
        compare(rouge_l(*spaced), [recorded["char_rouge_l_coco"]], recorded["id"])
        rouge = rouge_sets(" ".join(jieba[text]), " ".join(jieba[reference]))
        if rouge is None:
            assert "jieba_rouge_unrounded" in recorded["raises"]
        else:
            compare(rouge, list(recorded["jieba_rouge_unrounded"].values()), recorded["id"])
    means = swift_means(scores)
    for name, value in data["corpus"]["swift_mean_all"].items():
        compare(means[name], value, name)
    rows = bleu_rows(Corpus.of(found, [[one] for one in true], words=chinese_words_of_bleu))
    compare(sacrebleu(rows), data["corpus"]["sacrebleu_zh_corpus"], "corpus")
    for name, words in (("coco_on_characters", list), ("coco_on_jieba", jieba.__getitem__)):
        texts = [" ".join(words(t)) for t in found], [[" ".join(words(t))] for t in true]
        _coco(compare, texts, data["corpus"][name], name)
    unscored = sum("jieba_rouge_unrounded" in one.get("raises", {}) for one in data["expected"])
    assert compare.values == 89 * (4 + 5) + 3 * (89 - unscored) + 5 + 2 * 6 * 90


def test_jieba(golden: Callable[[str], Any]) -> None:
    pytest.importorskip("jieba", reason="jieba comes with the extra 'reports'")
    recorded = {one["id"]: one for one in golden("reports_zh")["expected"]}
    for item in golden("reports_inputs")["zh"]:
        assert jieba_words(item["pred"]) == recorded[item["id"]]["jieba_pred"]
        assert jieba_words(item["refs"][0]) == recorded[item["id"]]["jieba_ref"]
