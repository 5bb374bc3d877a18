"""Report and caption metrics against the recorded output of the reference scorers, at their README's tolerances.

Not compared: precision and recall of the ``rouge`` package (umit gives its F alone), and nltk's METEOR, which
``test_metrics_vqa.py`` compares; Java's METEOR is in ``test_meteor.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics.captions import Corpus, bleu_rows, cider, coco_bleu, rouge_l
from umit.metrics.chinese import jieba_words, swift_score
from umit.metrics.cleaning import ptb_words, r2gen_iu_xray
from umit.metrics.sentence import bleu, bleu_1, chrf, chrf_rows, rouge_f, rouge_sets, rouge_words

pytestmark = pytest.mark.shared

Item = dict[str, Any]
Texts = tuple[list[str], list[list[str]]]


class Compared:
    """Compares at 1e-9 and counts, so that a golden file that shrinks is noticed."""

    def __init__(self) -> None:
        self.values = 0

    def __call__(self, found: Any, expected: Any, what: str) -> None:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9, err_msg=what)
        self.values += np.size(expected)


def read(shared: Path, name: str) -> Any:
    return json.loads((shared / "golden" / "metrics" / f"{name}.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def golden(shared: Path) -> Callable[[str], Any]:
    return lambda name: read(shared, name)


@pytest.fixture(scope="module")
def corpora(golden: Callable[[str], Any]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = golden("reports_inputs")["corpora"]
    assert len(found) == 12
    return found


def raw(items: Sequence[Item]) -> Texts:
    return [one["pred"] for one in items], [one["refs"] for one in items]


def ptb(recorded: Item) -> Texts:
    tokens = recorded["ptb_tokens"]
    return [row[0] for row in tokens["preds"]], tokens["refs"]


def cleaned(items: Sequence[Item]) -> Texts:
    found, true = raw(items)
    return [r2gen_iu_xray(one) for one in found], [[r2gen_iu_xray(t) for t in row] for row in true]


def _coco(compare: Compared, texts: Texts, expected: Item, where: str) -> None:
    corpus = Corpus.of(*texts)
    rows = bleu_rows(corpus)
    whole, each = coco_bleu(rows.sum(0, keepdims=True))[0], coco_bleu(rows)
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
        _coco(compare, raw(corpora[name]), recorded["raw"], f"{name}, raw")
        _coco(compare, ptb(recorded), recorded["ptb"], f"{name}, PTB")
    assert compare.values == 2 * 6 * (158 + 12)


def test_r2gen(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare, data = Compared(), golden("reports_r2gen")
    for name, recorded in data["expected"].items():
        _coco(compare, cleaned(corpora[name]), recorded, name)
    assert compare.values == 5 * (67 + 7)
    assert len(data["clean"]) == 53
    for one in data["clean"]:
        assert r2gen_iu_xray(one["text"]) == one["iu"]


def test_ptb_tokens(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compared = 0
    for name, recorded in golden("reports_pycocoevalcap")["expected"].items():
        found, true = raw(corpora[name])
        for texts, tokens in zip([found, *true], [ptb(recorded)[0], *ptb(recorded)[1]], strict=True):
            assert [ptb_words(text) for text in texts] == tokens
            compared += len(texts)
    assert compared == 325


def _each_english(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> Iterator[tuple[Item, Item]]:
    for name, recorded in golden("reports_other_en")["per_sample"].items():
        yield from zip(corpora[name], recorded, strict=True)


def test_rouge_score(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for item, recorded in _each_english(golden, corpora):
        texts = item["pred"], item["refs"][0]
        words = [rouge_words(text) for text in texts]
        for name, n in (("rouge1", 1), ("rouge2", 2), ("rougeL", None)):
            compare(rouge_f(*words, n), recorded["rouge_score"][name][2], item["id"])
        compare(rouge_f(*words, 1), recorded["hf_rouge1"], item["id"])
        rouge = rouge_sets(*(text.lower() for text in texts))
        if rouge is None:
            assert "rouge_pkg" in recorded["raises"]
        else:
            compare(rouge, [values[2] for values in recorded["rouge_pkg"].values()], item["id"])
    assert compare.values == 158 * 4 + 152 * 3


def test_scores_of_sentences(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for item, recorded in _each_english(golden, corpora):
        compare(chrf(chrf_rows([item["pred"]], [item["refs"]])), [recorded["chrf"]], item["id"])
        if len(item["refs"]) > 1:
            continue
        found, true = item["pred"], item["refs"][0]
        weights = [(1.0,), (0.5,) * 2, (0.25,) * 4]
        names = [f"nltk_sentence_bleu{n}" for n in (1, 2, 4)]
        compare(bleu(found.split(), true.split(), weights), [recorded[n] for n in names], item["id"])
        smoothed = bleu(found.split(), true.split(), weights[2:], smoothed=True)
        compare(smoothed, [recorded["nltk_bleu4_method3"]], item["id"])
        order_1 = bleu_1(found.strip(), true.strip())
        if order_1 is None:
            assert "hf_bleu1" in recorded["raises"]
        else:
            compare(order_1, recorded["hf_bleu1"], item["id"])
    assert compare.values == 158 + 152 * 4 + 144


def test_scores_of_corpora(golden: Callable[[str], Any], corpora: dict[str, list[Item]]) -> None:
    compare = Compared()
    for name, recorded in golden("reports_other_en")["corpus"].items():
        rows = chrf_rows(*raw(corpora[name]))
        compare(chrf(rows.sum(0, keepdims=True)), [recorded["sacrebleu_chrf"]], name)
    assert compare.values == 12


def test_chinese(golden: Callable[[str], Any]) -> None:
    compare, data = Compared(), golden("reports_zh")
    items = golden("reports_inputs")["zh"]
    found, true = [one["pred"] for one in items], [one["refs"][0] for one in items]
    jieba = {text: r["jieba_pred"] for text, r in zip(found, data["expected"], strict=True)}
    jieba |= {text: r["jieba_ref"] for text, r in zip(true, data["expected"], strict=True)}
    for text, reference, recorded in zip(found, true, data["expected"], strict=True):
        score = swift_score(text, reference, words=lambda text: jieba.get(text, [text]))
        compare(score, list(recorded["swift"].values()), recorded["id"])
        characters = list(text), list(reference)
        smoothed = bleu(*characters, [(0.25,) * 4], smoothed=True)
        compare(smoothed, [recorded["char_bleu4_method3"]], recorded["id"])
        compare(bleu(*characters, [(1.0,)]), [recorded["char_bleu1"]], recorded["id"])
        compare(chrf(chrf_rows([text], [[reference]])), [recorded["chrf"]], recorded["id"])
        spaced = [" ".join(text)], [[" ".join(reference)]]
        compare(rouge_l(*spaced), [recorded["char_rouge_l_coco"]], recorded["id"])
        rouge = rouge_sets(" ".join(jieba[text]), " ".join(jieba[reference]))
        if rouge is None:
            assert "jieba_rouge_unrounded" in recorded["raises"]
        else:
            compare(rouge, list(recorded["jieba_rouge_unrounded"].values()), recorded["id"])
    for name, words in (("coco_on_characters", list), ("coco_on_jieba", jieba.__getitem__)):
        texts = [" ".join(words(t)) for t in found], [[" ".join(words(t))] for t in true]
        _coco(compare, texts, data["corpus"][name], name)
    unscored = sum("jieba_rouge_unrounded" in one.get("raises", {}) for one in data["expected"])
    assert compare.values == 89 * (4 + 4) + 3 * (89 - unscored) + 2 * 6 * 90


def test_jieba(golden: Callable[[str], Any]) -> None:
    pytest.importorskip("jieba", reason="jieba comes with the extra 'reports'")
    recorded = {one["id"]: one for one in golden("reports_zh")["expected"]}
    for item in golden("reports_inputs")["zh"]:
        assert jieba_words(item["pred"]) == recorded[item["id"]]["jieba_pred"]
        assert jieba_words(item["refs"][0]) == recorded[item["id"]]["jieba_ref"]
