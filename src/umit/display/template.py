"""Pages and Markdown from the templates that lie beside the code; no value in them is taken for markup."""

from __future__ import annotations

import math
import re
from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from unicodedata import category

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

__all__ = ["data_url", "html", "markdown", "number"]

_ROOT: Final = Path(__file__).parents[1]


class _Spelling(dict[int, str | int]):
    """Characters that a page would obey instead of showing them, each as it is spelled; filled as they come."""

    def __missing__(self, code: int) -> str | int:
        character = chr(code)
        obeyed = category(character).startswith("C") and character not in "\n\t"
        self[code] = ascii(character)[1:-1] if obeyed else code
        return self[code]


_SPELLING: Final = _Spelling()
#: What Markdown would read as a mark. An underscore within a word is none.
_MARK: Final = re.compile(r"[\\|<`*\[]|(?<![^\W_])_|_(?![^\W_])")


def _spelled(value: object) -> str:
    """Spell control characters, marks that turn the direction of writing, and halves of surrogate pairs.

    What is escaped already stays so, and the engine escapes the rest.
    """
    return (value if isinstance(value, str) else str(value)).translate(_SPELLING)


def _in_cell(value: object) -> str:
    """Keep a text in its cell of a table and from being read as Markdown."""
    return " ".join(_MARK.sub(r"\\\g<0>", str(value)).split())


def number(value: float, form: str = ".3f") -> str:
    """Return a number as it is printed; nothing for ``nan``.

    Example:
        >>> number(0.25), number(float("nan"))
        ('0.250', '')
    """
    return "" if math.isnan(value) else format(value, form)


def data_url(picture: Image.Image, form: str = "PNG", **how: object) -> str:
    """Return a picture as an address that holds it.

    Args:
        picture: Any.
        form: Pillow's name of a format that browsers read.
        how: Pillow's options of that format, such as ``quality``.
    """
    held = BytesIO()
    picture.save(held, form, **how)
    return f"data:image/{form.lower()};base64,{b64encode(held.getvalue()).decode('ascii')}"


def _engine(finalize: Any, *, autoescape: bool) -> Environment:
    made = Environment(
        loader=FileSystemLoader(_ROOT), autoescape=autoescape, finalize=finalize, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    made.filters |= {"number": number, "data_url": data_url}
    return made


_HTML: Final = _engine(_spelled, autoescape=True)
_MARKDOWN: Final = _engine(_in_cell, autoescape=False)


def html(template: str, *, style: str, script: str | None = None, **values: object) -> str:
    r"""Return a whole page that fetches nothing; its template extends ``display/base.html``.

    Every value is escaped. What would be obeyed instead of shown, such as a mark that turns the direction of
    writing, is spelled; line breaks stay.

    Args:
        template: Its path below the package, as the next two.
        style: The page's CSS.
        script: The only JavaScript that the page's policy lets run.
        values: What the template names.

    Example:
        >>> made = html("display/page.html", style="display/page.css", title="<b>\u202e", notices=[], sections=[])
        >>> "<title>&lt;b&gt;\\u202e</title>" in made
        True
    """
    code = None if script is None else _ROOT.joinpath(script).read_text("utf-8")
    digest = b64encode(sha256((code or "").encode()).digest()).decode()
    own = {"style": _ROOT.joinpath(style).read_text("utf-8"), "script": code, "digest": digest}
    return _HTML.get_template(template).render(**own, **values)


def markdown(template: str, **values: object) -> str:
    """Return a Markdown text; every value is kept in its cell and from being read as Markdown.

    Args:
        template: Its path below the package.
        values: What the template names.
    """
    return _MARKDOWN.get_template(template).render(**values)
