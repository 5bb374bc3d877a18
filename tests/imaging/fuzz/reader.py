"""Reads files in a process of its own, which may hang or die; run by ``test_fuzz.py``.

Each line of standard input is a path; each line of standard output says what came of it, and how many seconds of
this process' own time it took. A file that takes more than :data:`SECONDS` of them ends the process.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import time
import warnings
from pathlib import Path

from umit.errors import InputError
from umit.imaging.read import load

MEMORY = 2**30  # bytes of address space for pixels, beyond what the interpreter maps by itself
SECONDS = 2.0  # of processor time a file; others on the machine don't count towards it


def read_or_refuse(path: str | Path) -> str:
    """Return ``read`` or ``refused``; anything else that is raised is a fault of umit's."""
    try:
        load(path, frame=0 if str(path).endswith((".tif", ".gif")) else None)
    except InputError:
        return "refused"
    return "read"


def outcome(path: str) -> str:
    """Return ``read``, ``refused``, or the kind of what should not have been raised."""
    try:
        return read_or_refuse(path)
    except Exception as error:  # the very thing that is looked for
        return f"{type(error).__module__}.{type(error).__name__}"


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    for path in sys.stdin:
        began = time.process_time()
        # SIGPROF ends the process wherever it is, in C code too; nothing catches it.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        said = outcome(path.rstrip("\n"))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(said, round(time.process_time() - began, 4), flush=True)


if __name__ == "__main__":
    import nibabel  # noqa: F401  # what readers import late is mapped before the limit is set
    import pydicom.pixels  # noqa: F401

    with contextlib.suppress(ImportError):
        import SimpleITK  # noqa: F401

    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY,) * 2)
    main()
