"""``umit serve``: the line that starts vLLM so that it answers as the weights in this process would."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from umit.cli.parse import Commands
from umit.cli.telling import say, tell
from umit.embedded import EMBEDDED
from umit.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from umit.checkpoints import Checkpoint

__all__ = ["add"]

#: vLLM sends statistics of use to its makers unless it is told not to.
_SILENT: Final = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
_FILMS: Final = 8  # views shown together
_PORTS: Final = 65535


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "serve", help="print the line that starts vLLM for --server",
        description="Print the line that starts vLLM, or start it. vLLM takes its key from the variable "
        "VLLM_API_KEY.",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", nargs="?", default=EMBEDDED, help="a name on the hub, or a folder")
    parser.add_argument("--card", metavar="NAME", help="card of weights that have none of their own")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default 127.0.0.1, this machine)")
    parser.add_argument("--port", type=int, default=8000, help="(default 8000)")
    parser.add_argument(
        "--dtype", default="auto", choices=("auto", "float32", "bfloat16", "float16"),
        help="auto (default): float32 for umit-phantom, bfloat16 for others",
    )  # fmt: skip
    parser.add_argument("--tensor-parallel-size", type=int, default=1, metavar="N", help="GPUs that share each layer")
    parser.add_argument("--run", action="store_true", dest="start", help="start it here instead of printing the line")
    parser.add_argument(
        "--vllm", default="", metavar="WORDS", help="more words for vLLM: --vllm='--max-model-len 8192'"
    )
    parser.set_defaults(run=_serve)


def _serve(given: Namespace) -> int:
    if not 1 <= given.port <= _PORTS:
        raise InputError(f"expected a port of 1 to {_PORTS}, got {given.port}", code="port")
    if given.tensor_parallel_size < 1:
        raise InputError(f"expected at least one GPU, got {given.tensor_parallel_size}", code="devices")
    words = _line(given)
    if not given.start:
        settings = " ".join(f"{name}={value}" for name, value in _SILENT.items())
        say(f"{settings} {shlex.join(words)}")
        return 0
    found = shutil.which(words[0])
    if found is None:
        raise MissingExtraError(
            "expected the command vllm, it is not installed; pip install 'umit[vllm]'", engine="vllm"
        )
    tell(f"starting {shlex.join(words[:3])} at {given.host}:{given.port}")
    os.execve(found, words, {**os.environ, **_SILENT})


def _line(given: Namespace) -> list[str]:
    from umit.checkpoints import locate

    place, card = locate(given.model, given.card)
    dtype = ("float32" if card.name == EMBEDDED else "bfloat16") if given.dtype == "auto" else given.dtype
    fewest, most = _pixels(card)
    words = [
        *("vllm", "serve", str(place), "--served-model-name", card.name),
        *("--host", given.host, "--port", str(given.port), "--dtype", dtype),
        *("--limit-mm-per-prompt", json.dumps({"image": max(_FILMS, card.dialect.volume.depth or 1)})),
        # Every picture comes at its final size, and lies within these.
        *("--mm-processor-kwargs", json.dumps({"min_pixels": fewest, "max_pixels": most})),
        # Not the folder's own: its temperature and penalties would change answers.
        *("--generation-config", "vllm"),
        # Pictures come inside of requests; nothing is to be fetched for anybody.
        *("--allowed-media-domains", "nowhere.invalid"),
    ]
    if card.system is not None:
        from umit.backends.server.form import TEMPLATE

        words += ["--chat-template", TEMPLATE, "--chat-template-content-format", "openai"]
    if given.tensor_parallel_size != 1:
        words += ["--tensor-parallel-size", str(given.tensor_parallel_size)]
    try:
        return [*words, *shlex.split(given.vllm)]
    except ValueError as error:  # such as a quotation mark that is not closed
        raise InputError(f"expected words for --vllm as a shell reads them, got {given.vllm!r:.200}: {error}") from None


def _pixels(card: Checkpoint) -> tuple[int, int]:
    """Return the fewest and the most pixels that a picture of this card can have."""
    fewest, most = [], []
    for shown in (card.dialect.film, card.dialect.volume, card.dialect.boxes, card.dialect.points):
        area = None if shown.fed is None else min(max(shown.fed[0] * shown.fed[1], shown.min_pixels), shown.max_pixels)
        fewest.append(shown.min_pixels if area is None else area)
        most.append(shown.max_pixels if area is None else area)
    return min(fewest), max(most)
