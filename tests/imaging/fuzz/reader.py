"""Reads files in a process of its own, which may hang or die; run by ``test_fuzz.py``.

Each line of standard input is a path; each line of standard output says what came of it.
"""

from __future__ import annotations

import resource
import sys
import warnings

from umit.errors import InputError
from umit.imaging.read import load

MEMORY = 2**30  # bytes of address space for pixels, beyond what the interpreter maps by itself


def outcome(path: str) -> str:
    """Return ``read``, ``refused``, or the kind of what should not have been raised."""
    try:
        load(path, frame=0 if path.endswith((".tif", ".gif")) else None)
    except InputError:
        return "refused"
    except Exception as error:  # the very thing that is looked for
        return f"{type(error).__module__}.{type(error).__name__}"
    return "read"


def main() -> None:
    """Answer until the input ends."""
    warnings.simplefilter("ignore")
    for path in sys.stdin:
        print(outcome(path.rstrip("\n")), flush=True)


if __name__ == "__main__":
    import nibabel  # noqa: F401  # what readers import late is mapped before the limit is set
    import pydicom.pixels  # noqa: F401

    with open("/proc/self/statm", encoding="ascii") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY,) * 2)
    main()
