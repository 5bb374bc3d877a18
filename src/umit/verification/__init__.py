"""Whether an engine reads a checkpoint as it was read where it was recorded, and if not, from which stage on."""

from umit.verification.compare import Verdict, compare
from umit.verification.golden import Golden, Seen, read_golden, write_golden

__all__ = ["Golden", "Seen", "Verdict", "compare", "read_golden", "write_golden"]
