"""Report metrics against pycocoevalcap's and R2Gen's recorded output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.metrics.bleu import bleu_rows, coco_bleu
from umit.metrics.captions import cider, rouge_l
from umit.metrics.cleaning import r2gen_iu_xray, r2gen_mimic
from umit.metrics.ngrams import Corpus


@pytest.fixture(scope="session")
def recorded(shared: Path) -> dict[str, Any]:
    folder = shared / "golden" / "metrics"
    names = ("reports_inputs", "reports_pycocoevalcap", "reports_r2gen")
    return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in names}


def _compare(found: Sequence[str], true: Sequence[Sequence[str]], expected: dict[str, Any]) -> int:
    """Compare every value of one corpus; returns how many."""
    rows = bleu_rows(Corpus.of(found, true))
    whole, each = coco_bleu(rows), coco_bleu(rows, each=True)
    ours: dict[str, tuple[float, Any]] = {
        f"bleu_{n}": (float(whole[n - 1]), each[:, n - 1]) for n in (1, 2, 3, 4)
    }
    rouge, likeness = rouge_l(found, true), cider(Corpus.of(found, true))
    ours["rouge_l"] = float(rouge.mean()), rouge
    ours["cider"] = float(likeness.mean()), likeness
    count = 0
    for name, (corpus, items) in ours.items():
        wanted = expected.get(name)
        if wanted is None or "raises" in wanted:
            continue
        assert corpus == pytest.approx(wanted["corpus"], abs=1e-9), name
        np.testing.assert_allclose(items, wanted["per_sample"], atol=1e-9, err_msg=name)
        count += 1 + len(wanted["per_sample"])
    return count


def test_pycocoevalcap(recorded: dict[str, Any]) -> None:
    count = 0
    expected = recorded["reports_pycocoevalcap"]["expected"]
    for name, corpus in recorded["reports_inputs"]["corpora"].items():
        if name not in expected:
            continue
        for form, given in expected[name].items():
            if form == "raw":
                found, true = [c["pred"] for c in corpus], [c["refs"] for c in corpus]
            elif form == "ptb":
                tokens = expected[name]["ptb_tokens"]
                found, true = [p[0] for p in tokens["preds"]], tokens["refs"]
            else:
                continue
            count += _compare(found, true, given)
    print(f"{count} values of pycocoevalcap")
    assert count > 1000


def test_r2gen(recorded: dict[str, Any]) -> None:
    data = recorded["reports_r2gen"]
    for row in data["clean"]:
        assert r2gen_iu_xray(row["text"]) == row["iu"]
        assert r2gen_mimic(row["text"]) == row["mimic"]
    count = 0
    for name, expected in data["expected"].items():
        corpus = recorded["reports_inputs"]["corpora"][name]
        found = [r2gen_iu_xray(c["pred"]) for c in corpus]
        true = [[r2gen_iu_xray(ref) for ref in c["refs"]] for c in corpus]
        count += _compare(found, true, expected)
    print(f"{len(data['clean'])} cleaned texts, {count} values of R2Gen")
    assert count > 300
