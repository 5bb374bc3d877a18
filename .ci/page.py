"""Check that the demo's page is whole: every part is inside it, and it says what it is."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

NOTICE = "not a medical device"
LEAST = 5  # pictures: one a task
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """Collects a page's pictures, its links to elsewhere, its words, and what was left open."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = 0
        self.faults: list[str] = []
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at what a tag refers to."""
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        if tag == "img" and not given.get("src"):
            self.faults.append("a picture without a source")
        for name in ("src", "srcset", "poster", "data") if tag != "a" else ():
            self.refer(tag, given.get(name))
        if tag == "link":
            self.refer(tag, given.get("href"))

    def refer(self, tag: str, target: str | None) -> None:
        """A part of the page must be inside the page."""
        if not target:
            return
        if not target.startswith("data:"):
            self.faults.append(f"<{tag}> refers to {target[:80]!r}, outside the page")
        elif tag == "img":
            self.pictures += 1
            if len(target) < 200:
                self.faults.append("a picture of a few bytes")

    def handle_endtag(self, tag: str) -> None:
        """Close a tag; optional ends are forgiven."""
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.words.append(data)


def main(path: Path) -> int:
    """Print what is wrong with a page; 0 if nothing is."""
    if not path.is_file():
        print(f"no {path.parent.name}/{path.name}", file=sys.stderr)
        return 1
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    faults = list(page.faults)
    if not text.rstrip().lower().endswith("</html>"):
        faults.append("the page breaks off before </html>")
    if page.pictures < LEAST:
        faults.append(f"expected at least {LEAST} pictures, got {page.pictures}")
    words = " ".join(page.words)
    if NOTICE not in words:
        faults.append(f"the page does not say {NOTICE!r}")
    if not any("\u4e00" <= letter <= "\u9fff" for letter in words):
        faults.append("the page has no Chinese")
    for fault in faults:
        print(f"{path.name}: {fault}", file=sys.stderr)
    print(f"{path.name}: {len(text) / 1e6:.1f} MB, {page.pictures} pictures, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
