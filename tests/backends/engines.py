"""The engines that the contract is held over: weights of this process, and the same weights behind servers."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.backends.stand_in import StandIn
from umit import UMIT
from umit.cli import main
from umit.embedded import embedded
from umit.phantom import cases

_PATIENCE: Final = 420.0  # seconds until a server is up: vLLM imports for a minute where others work, too


@dataclass(frozen=True, eq=False)
class Engine:
    """One engine with the embedded weights.

    Args:
        name: As the tests call it.
        model: What asks it.
        scores: Whether it scores whole options.
    """

    name: str
    model: UMIT
    scores: bool = True


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(words: Sequence[str], url: str, path: str, log: Path) -> Iterator[None]:
    """Run a server until the block ends.

    Raises:
        RuntimeError: It ends, or does not answer in time.
    """
    settings = {
        **os.environ, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with log.open("wb") as told:
        started = subprocess.Popen(list(words), stdout=told, stderr=told, env=settings, start_new_session=True)
    try:
        end = time.monotonic() + _PATIENCE
        while not _up(url + path):
            if started.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{words[0]} is not up:\n{log.read_text('utf-8', 'replace')[-3000:]}")
            time.sleep(1)
        yield
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)


def _up(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


@contextmanager
def local(folder: Path) -> Iterator[Engine]:
    """Weights in this process."""
    yield Engine("local", UMIT.from_pretrained())


@contextmanager
def stand_in(folder: Path) -> Iterator[Engine]:
    """The stand-in around them."""
    with StandIn(UMIT.from_pretrained().backend) as server:
        yield Engine("stand-in", UMIT.from_server(server.url))


@contextmanager
def vllm_serve(folder: Path) -> Iterator[Engine]:
    """What ``umit serve`` prints, with vLLM on this processor."""
    port = free_port()
    words = [*serve_words("--port", str(port)), "--enforce-eager"]
    url = f"http://127.0.0.1:{port}"
    with running(words, url, "/health", folder / "vllm.log"):
        yield Engine("vllm serve", UMIT.from_server(url))


def serve_words(*given: str) -> list[str]:
    """Return the line of ``umit serve`` for this interpreter.

    vllm-cpu's own command ends with an error: it asks for the version of a package that is called vllm.
    """
    import io
    from contextlib import redirect_stdout

    told = io.StringIO()
    with redirect_stdout(told):
        assert main(["serve", *given]) == 0
    words = [word for word in shlex.split(told.getvalue()) if "=" not in word or word.startswith(("-", "{"))]
    assert words[:2] == ["vllm", "serve"]
    return [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", *words[2:]]


@contextmanager
def transformers_serve(folder: Path) -> Iterator[Engine]:
    """``transformers serve``, which knows OpenAI's own fields only."""
    port = free_port()
    url, place = f"http://127.0.0.1:{port}", str(embedded())
    (folder / "cache").mkdir()
    words = [
        *(sys.executable, "-m", "transformers.cli.transformers", "serve", place, "--device", "cpu"),
        *("--dtype", "float32", "--host", "127.0.0.1", "--port", str(port)),
    ]
    with running(words, url, "/health", folder / "transformers.log"):
        from umit.backends.server.backend import ServerBackend

        backend = ServerBackend(url, place, kind="openai", concurrency=2)
        model = UMIT(backend, UMIT.from_pretrained().checkpoint)
        yield Engine("transformers serve", model, scores=False)


@contextmanager
def in_vllm(folder: Path) -> Iterator[Engine]:
    """vLLM in this process."""
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    yield Engine("from_vllm", UMIT.from_vllm("umit-phantom", enforce_eager=True))


ENGINES: dict[str, Callable[[Path], Any]] = {
    "local": local,
    "stand-in": stand_in,
    "transformers serve": transformers_serve,
    "vllm serve": vllm_serve,
    "from_vllm": in_vllm,
}


def seeds(count: int) -> range:
    """Return seeds that nothing was taught on."""
    return range(cases.HELD_OUT, cases.HELD_OUT + count)
