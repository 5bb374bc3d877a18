"""Every way in which a server misbehaves is a ServerError of its own, and what may pass is tried again."""

from __future__ import annotations

import json
import pickle
import socket
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backends.stand_in import Act, Handler, StandIn
from umit.backends.server import line as line_module
from umit.backends.server.backend import ServerBackend
from umit.backends.server.line import Line, Patience
from umit.backends.server.strict import number, read_json
from umit.chat import Completion, Request
from umit.errors import InputError, ServerError, UMITError
from umit.testing import ScriptedBackend

KEY = "sk-secret-of-the-ward"
ASKED = Request(words=("Which plane?",), system="")
#: Two tries, quick ones.
SHORT = Patience(connect=1.0, read=0.4, whole=5.0, tries=2, failures=4, pause=0.5)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(ScriptedBackend(lambda request: "axial")) as found:
        yield found


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module.random, "uniform", lambda low, high: 0.01)


def backend(server: StandIn, **given: Any) -> ServerBackend:
    return ServerBackend(server.url, "umit-phantom", **{"patience": SHORT, "kind": "vllm", **given})


def ask(asked: ServerBackend, request: Request = ASKED) -> Completion | UMITError:
    (found,) = asked.generate([request])
    return found


def status(code: int, content: bytes = b'{"error": {"message": "no"}}', **headers: str) -> Act:
    return lambda handler: handler.send(content, status=code, **headers)


def body(content: bytes, kind: str = "application/json") -> Act:
    return lambda handler: handler.send(content, kind=kind)


def message(handler: Handler, **changed: Any) -> None:
    told: dict[str, Any] = {"message": {"content": "axial"}, "finish_reason": "stop", **changed}
    handler.send_json({"choices": [told]})


def hang(handler: Handler) -> None:
    time.sleep(1.0)


def drip(handler: Handler) -> None:
    """Send a byte now and then, so that it is never silent for long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    try:
        for _ in range(60):
            handler.wfile.write(b" ")
            time.sleep(0.1)
    except OSError:  # the other side has left
        handler.close_connection = True


def gigabyte(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**30))
    handler.end_headers()
    handler.close_connection = True


def endless(handler: Handler) -> None:
    """Send without saying how much."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    handler.close_connection = True
    try:
        for _ in range(2**30 // 0x10000):
            handler.wfile.write(part)
    except OSError:
        return
    raise AssertionError("a gigabyte was read")


def broken(handler: Handler) -> None:
    handler.connection.close()
    handler.close_connection = True


NAN = b'{"choices": [{"message": {"content": "a"}, "finish_reason": "stop", "logprobs": {"content": [{"logprob": NaN}]}}]}'
MISBEHAVIOURS: dict[str, tuple[Act, str, bool]] = {
    "429": (status(429), "asked too much (429)", True),
    "500": (status(500), "it failed (500)", True),
    "503 of a balancer": (status(503, b"<html>no upstream</html>", kind="text/html"), "it failed (503): <html>", True),
    "hang": (hang, "nothing came for 0.4 s", True),
    "half JSON": (body(b'{"choices": [{"mess'), "not whole", True),
    "HTML": (body(b"<html><body>Sign in</body></html>", "text/html"), "expected JSON, got text/html", True),
    "redirect": (status(302, location="http://169.254.169.254/latest/meta-data"), "redirects (302)", False),
    "1 GB announced": (gigabyte, "got one of 1073741824; it was not read", False),
    "1 GB unannounced": (endless, "the rest was not read", False),
    "compressed": (lambda h: h.send(b"x", content_encoding="gzip"), "compressed", False),
    "broken off": (broken, "the connection broke", True),
    "400": (status(400, b'{"error": {"message": "too long"}}'), "refuses the question (400)", False),
    "404": (status(404, b'{"message": "model `x` does not exist"}'), "404: {\"message\": \"model `x`", False),
    "NaN log-probability": (body(NAN), "holds NaN", True),
    "null log-probability": (
        lambda h: message(h, logprobs={"content": [{"logprob": None}]}),
        "expected a number as logprob, got None",
        False,
    ),
    "JSON of another kind": (body(b"[]"), "expected a chat completion as OpenAI has it", False),
    "no choice": (body(b'{"choices": []}'), "expected a chat completion as OpenAI has it", False),
    "text that is none": (lambda h: message(h, message={"content": [1]}), "is no text", False),
    "reasoning apart": (
        lambda h: message(h, message={"content": "a", "reasoning": "b"}),
        "without --reasoning-parser",
        False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_misbehaviour_is_a_server_error_of_its_own(name: str, server: StandIn) -> None:
    act, told, retryable = MISBEHAVIOURS[name]
    server.acts.extend([act] * SHORT.tries)
    found = ask(backend(server, api_key=KEY))
    assert isinstance(found, ServerError)
    assert told in str(found) and found.retryable is retryable
    assert len(server.acts) == (0 if retryable else SHORT.tries - 1), "tried again only where that may help"
    assert KEY not in str(found) and "169.254" not in str(found)


@pytest.mark.parametrize("name", [name for name, (_, _, again) in MISBEHAVIOURS.items() if again])
def test_what_may_pass_is_tried_again(name: str, server: StandIn) -> None:
    server.acts.append(MISBEHAVIOURS[name][0])
    found = ask(backend(server))
    assert isinstance(found, Completion) and found.text == "axial"


def test_a_server_that_drips_is_left_at_the_deadline(server: StandIn) -> None:
    server.acts.append(drip)
    begun = time.monotonic()
    found = ask(backend(server, patience=Patience(read=0.4, whole=0.7, tries=2)))
    assert isinstance(found, ServerError) and "within 0.7 s, it goes on" in str(found)
    assert time.monotonic() - begun < 3


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = ask(ServerBackend(f"http://127.0.0.1:{port}", "umit-phantom", patience=SHORT))
    assert isinstance(found, ServerError) and found.retryable
    assert "connection was refused; start it, or correct the url; tried 2 times" in str(found)


def test_a_wrong_key_is_told_and_never_shown(server: StandIn) -> None:
    server.key = "another"
    asked = backend(server, api_key=KEY, kind=None)
    found = ask(asked)
    assert isinstance(found, ServerError) and "expected a key that it takes, it answered 401" in str(found)
    shown = "".join(traceback.format_exception(found)) + repr(asked) + repr(asked._line) + repr(vars(asked))
    assert KEY not in shown
    assert server.keys == [f"Bearer {KEY}"], "sent once: a wrong key stays wrong"


def test_a_server_that_repeats_the_key_does_not_make_us_show_it(server: StandIn) -> None:
    server.acts.append(status(400, f"you sent {KEY}".encode()))
    assert KEY not in str(ask(backend(server, api_key=KEY)))


def test_a_wrong_name_names_what_is_served(server: StandIn) -> None:
    found = ask(ServerBackend(server.url, "umit-b", patience=SHORT))
    assert isinstance(found, ServerError)
    assert "expected it to serve 'umit-b', it serves 'umit-phantom'" in str(found)


def test_retry_after_is_kept(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(line_module.time, "sleep", waited.append)
    late = "Wed, 21 Oct 2115 07:28:00 GMT"
    for told in ("7", late, "soon", ""):
        server.acts.append(status(429, **({"retry_after": told} if told else {})))
    patience = Patience(read=1.0, whole=600.0, tries=5)
    assert isinstance(ask(backend(server, patience=patience)), Completion)
    assert waited == [7.0, 60.0, pytest.approx(0.08), pytest.approx(0.16)], "seconds, a minute at most, then our own"


def test_a_wait_beyond_the_deadline_is_not_begun(server: StandIn) -> None:
    server.acts.append(status(429, retry_after="30"))
    begun = time.monotonic()
    assert isinstance(ask(backend(server)), ServerError)
    assert time.monotonic() - begun < 3


def test_the_breaker_opens_and_closes(server: StandIn) -> None:
    asked = backend(server, concurrency=1)
    server.acts.extend([status(500)] * SHORT.tries * SHORT.failures)
    found = list(asked.generate([ASKED] * (SHORT.failures + 3)))
    assert all(isinstance(one, ServerError) for one in found)
    assert not server.acts and not server.bodies, "the last three were not sent"
    assert "lost 4 questions in a row" in str(found[-1]) and "it failed (500)" in str(found[-1])
    time.sleep(SHORT.pause)
    assert isinstance(ask(asked), Completion)


def test_questions_that_are_refused_do_not_open_it(server: StandIn) -> None:
    server.acts.extend([status(400)] * 2 * SHORT.failures)
    found = list(backend(server).generate([ASKED] * (2 * SHORT.failures + 1)))
    assert [isinstance(one, Completion) for one in found].count(True) == 1


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://gpu.example:8000", "expected https to another machine, got http to gpu.example"),
        ("http://127.0.0.1.evil.example", "expected https to another machine"),
        ("https://me:pass@gpu.example", "without password"),
        ("https://gpu.example/v1?key=1", "without password, query or fragment"),
        ("ftp://gpu.example", "expected a url of http or https"),
        ("gpu.example:8000", "expected a url of http or https"),
        ("", "expected a url of http or https"),
        ("http://", "expected a url of http or https"),
    ],
)
def test_urls_that_are_not_spoken_to(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        ServerBackend(url, "umit-phantom", api_key=KEY)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:1", "http://127.0.0.5:1/v1", "http://[::1]:1/v1/", "https://a.example"]
)
def test_urls_that_are_spoken_to(url: str) -> None:
    ServerBackend(url, "umit-phantom")
    ServerBackend("http://gpu.example", "umit-phantom", plaintext=True)


def test_a_prefix_and_v1_are_kept_as_they_are_meant(server: StandIn) -> None:
    assert isinstance(ask(ServerBackend(server.url + "/v1/", "umit-phantom")), Completion)


def test_certificates_are_verified() -> None:
    line = Line("https://a.example", api_key="", plaintext=False, patience=SHORT, connections=1)
    context = line._client._transport._pool._ssl_context  # type: ignore[attr-defined]
    assert context.verify_mode.name == "CERT_REQUIRED" and context.check_hostname


def test_a_line_says_why_it_does_not_pickle(server: StandIn) -> None:
    with pytest.raises(TypeError, match="call from_server there"):
        pickle.dumps(backend(server)._line)


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan")])
def test_patience_is_above_zero(wrong: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        Patience(read=wrong)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1', "", "[" * 100_000, "\xff"])
def test_json_is_the_standard_s(text: str) -> None:
    with pytest.raises(ValueError):
        read_json(text.encode("latin-1"))


@pytest.mark.parametrize("value", [None, "1", True, [1], json.loads("1e999")])
def test_a_number_is_finite(value: object) -> None:
    with pytest.raises(ValueError, match="expected a number as a"):
        number({"a": value}, "a")
