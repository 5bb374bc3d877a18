"""``python -m umit`` is ``umit``."""

from __future__ import annotations

import sys

from umit.cli import main

if __name__ == "__main__":
    sys.exit(main())
