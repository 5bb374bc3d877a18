"""Numbers of answers in words: every published protocol beside umit's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from umit.metrics.metric import Measures, Metric, Pair, each
from umit.metrics.protocol import Protocol, Reply
from umit.metrics.tables.confidence import CONFIDENCE
from umit.metrics.vqa import PROTOCOLS, UMIT
from umit.queries import Ask
from umit.results import Answer

__all__ = ["CLOSED", "OPEN"]


def _reply(pair: Pair[Answer], *, own: bool) -> Reply:
    """Return the answer as a scorer of text takes it.

    umit's own looks at the text as the model wrote it, with the number before an option. Published ones know no
    numbers: they get an option's own words, the truth in the source's own case, and what it calls closed.
    """
    query, gold = pair.query, pair.gold
    options = query.options if isinstance(query, Ask) else ()
    found = pair.raw if own or pair.found is None else pair.found.text
    said, kind = pair.facts.get("answer", ""), pair.facts.get("answer_type", "")
    return Reply(
        predicted=found,
        true=said if not own and said.casefold() == gold.text.casefold() else gold.text,
        closed=kind.casefold() == "closed" if kind else bool(options),
        options=options,
        gold=pair.gold.choice(pair.query.choices),
    )


def _columns(protocol: Protocol) -> tuple[Metric[Any], ...]:
    """Return a metric for each column; all of them share one look at the texts."""
    own = protocol is UMIT

    def measure(pairs: Sequence[Pair[Any]]) -> Measures:
        rows = [protocol.score(_reply(pair, own=own)) for pair in pairs]
        values = [[np.nan if one is None else one for one in row] for row in rows]
        return np.array(values, np.float64).reshape(len(rows), len(protocol.columns))

    return tuple(
        Metric(
            name=one.name, protocol=protocol.name, best=one.best, unreadable=one.unreadable,
            note=one.note, measure=measure, column=number,
        )
        for number, one in enumerate(protocol.columns)
    )  # fmt: skip


def _right(pair: Pair[Answer]) -> float:
    return float(pair.found is not None and pair.found.option == pair.gold.choice(pair.query.choices))


#: Questions without options.
OPEN: Final = tuple(metric for protocol in PROTOCOLS for metric in _columns(protocol))
#: Questions with options.
CLOSED: Final = (
    Metric[Any](name="accuracy", measure=each(_right), note="the option that was read"),
    *OPEN,
    *CONFIDENCE,
)
