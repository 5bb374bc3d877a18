"""Evaluation that survives being killed: every answer in a journal, every number from the journal alone.

``evaluate`` asks a data set and scores it, ``score`` scores a run again, ``compare`` compares two runs, ``perturb``
asks under changes, ``write_page`` writes one HTML file, ``as_markdown`` a table.
"""

from umit.evaluation.compare import Comparison, compare
from umit.evaluation.evaluate import evaluate
from umit.evaluation.markdown import as_markdown
from umit.evaluation.page import write_page
from umit.evaluation.robustness import perturb
from umit.evaluation.score import Score, score

__all__ = ["Comparison", "Score", "as_markdown", "compare", "evaluate", "perturb", "score", "write_page"]
