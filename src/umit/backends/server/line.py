"""One server over HTTP: time limits, tries, a breaker, answers of bounded size, and each failure told apart."""

from __future__ import annotations

import ipaddress
import random
import re
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn

import httpx2

from umit.backends.server.strict import read_json
from umit.errors import InputError, ServerError

__all__ = ["Line", "Patience"]

#: Bytes of an answer. Log-probabilities of a prompt are the longest: about 110 bytes a token, 24,576 tokens of a volume.
LARGEST: Final = 16 * 2**20
_LONGEST_WAIT: Final = 60.0  # seconds that a server's Retry-After may ask for
_AGAIN: Final = frozenset({408, 409, 425, 429})  # and all of 500 and above
_SHOWN: Final = 200  # characters of a server's own words in a message
#: Statuses that are about this one question, not about the server.
_OURS: Final = frozenset({400, 413, 422})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a server is waited for.

    Args:
        connect: Seconds until a connection stands.
        read: Seconds without a byte.
        whole: Seconds for a question, all tries and the waits between them.
        tries: Times that a question is sent at most.
        failures: Questions lost in a row after which the server is left alone.
        pause: Seconds that it is left alone for.

    Raises:
        InputError: A number that is not above 0.
    """

    connect: float = 10.0
    read: float = 120.0
    whole: float = 600.0
    tries: int = 4
    failures: int = 20
    pause: float = 30.0

    def __post_init__(self) -> None:
        for name in ("connect", "read", "whole", "tries", "failures", "pause"):
            if not getattr(self, name) > 0:
                raise InputError(f"expected a number above 0, got {getattr(self, name)}", code="patience", where=name)


class Line:
    """A server that is spoken to with JSON; threads may share it.

    Args:
        url: Where it is, such as ``"https://gpu.hospital.example:8000"``, with ``/v1`` or without.
        api_key: Sent as a bearer token; ``""`` for none.
        plaintext: Whether ``http`` may be spoken to another machine.
        patience: How long it is waited for.
        connections: The most at once.

    Raises:
        InputError: A URL that is none, holds a password, or is ``http`` to another machine.
    """

    def __init__(self, url: str, *, api_key: str, plaintext: bool, patience: Patience, connections: int) -> None:
        parts, alone = _checked(url, plaintext)
        self.host = parts.netloc.decode()
        self._key = api_key
        self._patience = patience
        self._base = str(parts).rstrip("/").removesuffix("/v1")
        self._breaker = _Breaker(patience)
        self._client = httpx2.Client(
            follow_redirects=False,
            timeout=httpx2.Timeout(patience.read, connect=patience.connect, pool=patience.whole),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=not alone,  # a proxy does not lead to this very machine
            # Nothing compressed: a small answer must not become a large one here.
            headers={"Accept-Encoding": "identity", **({"Authorization": f"Bearer {api_key}"} if api_key else {})},
        )
        weakref.finalize(self, self._client.close)

    def __repr__(self) -> str:
        return f"Line({self.host!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("expected a server's name and key to be given anew in another process; call from_server there")

    def get(self, path: str) -> Any:
        """Return what is at a path, such as ``"/v1/models"``.

        Raises:
            ServerError: It could not be had.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the answer to a body, sent as JSON.

        Raises:
            ServerError: There is none.
        """
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        self._breaker.check(self.host)
        end = time.monotonic() + self._patience.whole
        tried = 0
        while True:
            tried += 1
            try:
                found = self._once(method, path, body, end)
            except _Failed as failed:
                wait = failed.wait if failed.wait is not None else random.uniform(0.25, 0.5) * 2**tried
                again = failed.error.retryable and tried < self._patience.tries and time.monotonic() + wait < end
                if not again:
                    if failed.status not in _OURS:
                        self._breaker.lost(failed.error)
                    raise _after(failed.error, tried) from failed.__cause__
                time.sleep(wait)
            else:
                self._breaker.answered()
                return found

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None, end: float) -> Any:
        with self._explained(), self._client.stream(method, self._base + path, json=body) as response:
            content = self._content(response, end)
            if response.status_code != 200:
                raise self._refusal(response, content)
            try:
                return read_json(content)
            except ValueError as error:
                kind = response.headers.get("content-type", "no type").split(";")[0]
                raise self._failed(
                    f"expected JSON, got {kind} that {error}; it begins {self._words(content)!r}", again=True
                ) from error

    def _content(self, response: httpx2.Response, end: float) -> bytes:
        """Return the body, refused as soon as it is too large or too slow."""
        told = response.headers.get("content-length", "")
        if told.isdecimal() and int(told) > LARGEST:
            raise self._failed(f"expected an answer of at most {LARGEST} bytes, got one of {told}; it was not read")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._failed(
                "expected an answer that is not compressed, which it was asked for, got a compressed one"
            )
        content = bytearray()
        for part in response.iter_raw():
            content += part
            if len(content) > LARGEST:
                raise self._failed(f"expected an answer of at most {LARGEST} bytes, it went on; the rest was not read")
            if time.monotonic() > end:
                raise self._failed(f"expected a whole answer within {self._patience.whole:g} s, it goes on")
        return bytes(content)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Tell what goes wrong below HTTP."""
        patience = self._patience
        try:
            yield
        except httpx2.ConnectTimeout as error:
            raise self._failed(f"expected a connection within {patience.connect:g} s, got none", again=True) from error
        except httpx2.TimeoutException as error:
            raise self._failed(
                f"expected an answer, nothing came for {patience.read:g} s; raise timeout= or send less at once",
                again=True,
            ) from error
        except httpx2.ConnectError as error:
            if _certificate(error):
                raise self._failed("expected a certificate that this machine trusts, got another") from error
            raise self._failed(
                "expected a server, the connection was refused; start it, or correct the url", again=True
            ) from error
        except httpx2.TransportError as error:
            raise self._failed(
                f"expected an answer, the connection broke ({type(error).__name__})", again=True
            ) from error

    def _refusal(self, response: httpx2.Response, content: bytes) -> _Failed:
        status, said = response.status_code, self._words(content)
        wait = _retry_after(response.headers.get("retry-after", ""))
        if 300 <= status < 400:
            text = f"expected an answer, it redirects ({status}), which is not followed; give the final url"
        elif status in (401, 403):
            text = f"expected a key that it takes, it answered {status}; pass api_key= or set UMIT_SERVER_KEY"
        elif status == 404:
            text = f"expected an OpenAI-compatible server with this model, it answered 404: {said}"
        elif status == 429:
            text = "expected an answer, it is asked too much (429); lower concurrency= or add replicas"
        elif status in _OURS:
            text = f"expected an answer, it refuses the question ({status}): {said}"
        else:
            text = f"expected an answer, it failed ({status}): {said}"
        return self._failed(text, again=status in _AGAIN or status >= 500, status=status, wait=wait)

    def _failed(self, text: str, *, again: bool = False, status: int = 0, wait: float | None = None) -> _Failed:
        return _Failed(ServerError(text, engine=self.host, retryable=again), status, wait)

    def _words(self, content: bytes) -> str:
        """Return the beginning of a server's words, without the key, pictures or characters that a terminal obeys."""
        text = content[: 64 * _SHOWN].decode("utf-8", errors="replace")
        if self._key:
            text = text.replace(self._key, "…")
        text = re.sub(r"[A-Za-z0-9+/=]{80,}", "…", text)
        return "".join(c if c.isprintable() else " " for c in text[:_SHOWN])


class _Failed(Exception):
    """One try that failed."""

    def __init__(self, error: ServerError, status: int, wait: float | None) -> None:
        super().__init__(str(error))
        self.error, self.status, self.wait = error, status, wait


@dataclass(slots=True)
class _Breaker:
    """Leaves a server alone that lost many questions in a row."""

    patience: Patience
    lost_in_row: int = 0
    until: float = 0.0
    last: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, host: str) -> None:
        with self.lock:
            left = self.until - time.monotonic()
            if left <= 0:
                return
            raise ServerError(
                f"expected a server that answers, it lost {self.lost_in_row} questions in a row and is not asked "
                f"for {left:.0f} s; the last: {self.last}",
                engine=host,
                retryable=True,
            )

    def answered(self) -> None:
        with self.lock:
            self.lost_in_row = 0

    def lost(self, error: ServerError) -> None:
        with self.lock:
            self.lost_in_row += 1
            self.last = error.message
            if self.lost_in_row >= self.patience.failures:
                self.until = time.monotonic() + self.patience.pause


def _after(error: ServerError, tried: int) -> ServerError:
    if tried == 1:
        return error
    return ServerError(f"{error.message}; tried {tried} times", engine=error.engine, retryable=error.retryable)


def _checked(url: str, plaintext: bool) -> tuple[httpx2.URL, bool]:
    """Return the URL and whether it is this very machine."""
    hint = "Give http://localhost:8000, or https:// and the name of another machine."
    try:
        parts = httpx2.URL(url)
    except (httpx2.InvalidURL, TypeError) as error:
        raise InputError("expected the url of a server, got another text", code="url", hint=hint) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise InputError("expected a url of http or https, got another", code="url", hint=hint)
    if parts.userinfo or parts.query or parts.fragment:
        raise InputError(
            "expected a url without password, query or fragment", code="url", hint="Pass api_key= instead."
        )
    alone = _loopback(parts.host)
    if parts.scheme == "http" and not alone and not plaintext:
        raise InputError(
            f"expected https to another machine, got http to {parts.host}, which anyone between can read",
            code="plaintext",
            hint="Where the network itself is trusted, pass plaintext=True or --plaintext.",
        )
    return parts, alone


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _retry_after(text: str) -> float | None:
    """Return the seconds that a server asks to be left alone for, at most a minute; ``None`` if it does not say."""
    if text.isdecimal():
        return min(float(text), _LONGEST_WAIT)
    try:
        wanted = parsedate_to_datetime(text).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return None
    return min(max(wanted, 0.0), _LONGEST_WAIT)
