"""Law 5: prompts and targets equal the files beside ``tests/golden``; changing one bumps the card's version.

``UMIT_UPDATE_WORDS=1 pytest tests/laws/test_golden_words.py`` writes the files again. ``version.json`` follows only
if the card's version was raised, or if nothing changed: weights answer the words they were taught.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from umit import chat
from umit.checkpoints import PHANTOM

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "words"
VERSION = FOLDER / "version.json"
UPDATE = os.environ.get("UMIT_UPDATE_WORDS") == "1"


def _page(case: Any) -> str:
    """Every phrasing of every query with what is taught, as one text."""
    parts, asked = [], None
    for query, gold in case.pairs:
        for phrasing in range(len(case.task.wording[case.language].phrasings)):
            request = case.task.request(query, case.view, phrasing=phrasing)
            if query != asked:
                spelled = chat.spell(chat.prompt(request))
                parts.append(f"#### prompt, phrasing {phrasing}\n{spelled}")
                parts += [f"#### option\n{chat.spell(option)}" for option in request.options]
        parts.append(f"#### target\n{case.task.encode(gold, query, case.view)}")
        asked = query
    return "\n".join([*parts, ""])


def _path(case: Any) -> Path:
    return FOLDER / f"{case.task.name}.{case.language}.txt"


def _hash(pages: list[Path]) -> str:
    """Hash what weights learn; a task that no card names says what another task says."""
    found = hashlib.sha256()
    for page in sorted(pages):
        found.update(page.name.encode() + b"\0" + page.read_bytes() + b"\0")
    return found.hexdigest()


def test_words_are_those_on_file(case: Any) -> None:
    page, path = _page(case), _path(case)
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page.encode())
    assert path.read_bytes().decode() == page, "set UMIT_UPDATE_WORDS=1 if the change is meant"


def test_changed_words_raise_the_version(cases: Any) -> None:
    pages = [_path(case) for case in cases]
    assert sorted(FOLDER.glob("*.txt")) == sorted(pages), "a file without a task"
    learned = [_path(case) for case in cases if case.task.name in PHANTOM.task_names]
    now = {"version": PHANTOM.version, "sha256": _hash(learned)}
    before = json.loads(VERSION.read_text()) if VERSION.is_file() else {"version": 0}
    if UPDATE and before["version"] < PHANTOM.version:
        VERSION.write_text(json.dumps(now, indent=2) + "\n")
        before = now
    assert before == now, (
        "words changed: raise Checkpoint.version of PHANTOM, since older weights learned other words, "
        "then set UMIT_UPDATE_WORDS=1 (before the first weights are committed, delete version.json)"
    )
