"""JSON as the standard has it: what a server sends is looked at, never believed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

__all__ = ["number", "read_json"]


def read_json(content: bytes) -> Any:
    """Return what JSON holds.

    Raises:
        ValueError: It is cut, no JSON, too deep, or holds NaN or an infinity, which JSON has no words for.

    Example:
        >>> read_json(b'{"a": 1}')
        {'a': 1}
    """
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not whole ({error.msg} at character {error.pos})") from error
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except RecursionError as error:
        raise ValueError("is too deep") from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"holds {name}")


def number(found: Mapping[str, Any] | Sequence[Any], key: Any) -> float:
    """Return a finite number.

    Raises:
        ValueError: There is another thing.
    """
    value = found[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a number as {key}, got {value!r:.40}")
    return float(value)
