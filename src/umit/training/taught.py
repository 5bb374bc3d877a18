"""What is taught and what is asked, looked through before the first step."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from umit.checkpoints import Checkpoint
from umit.datasets.dataset import Sample
from umit.datasets.mixture import Mixture
from umit.engine.encode import Encoder
from umit.errors import InputError
from umit.training.examine import examine
from umit.training.parts import Part, digest_of, divide, refuse_shared

__all__ = ["digest", "parts_of"]

_Samples = Iterable[Sample[Any, Any]]


def parts_of(
    samples: _Samples, val: _Samples | float | None, card: Checkpoint, encoder: Encoder, *, seed: int
) -> tuple[Part | Mixture, Part | None]:
    """Return what is taught and what is asked, both looked through: what cannot be taught is refused here.

    Args:
        samples: As :func:`umit.training.train` takes them.
        val: Likewise.
        card: Of the weights.
        encoder: Of their tokenizer.
        seed: Of the division.

    Raises:
        DatasetError: No samples, or some that cannot be taught; or a patient in both parts.
        InputError: A share of a stream.
        UnsupportedTaskError: The checkpoint does not know the task of a sample.
    """
    taught = samples if isinstance(samples, Mixture) else Part.of(samples)
    if isinstance(taught, Part):
        examine(taught, card, encoder)
    else:
        for name, one in taught.parts.items():
            examine(one, card, encoder, what=f"set {name!r} of the mixture")
    if val is None:
        return taught, None
    if isinstance(val, float | int):
        if isinstance(taught, Mixture):
            raise InputError("expected samples to validate on, got a share of a stream", where="val")
        taught, asked = divide(taught, val, seed=seed)
    else:
        asked = Part.of(val)
        examine(asked, card, encoder, what="validation part")
    for one in [taught] if isinstance(taught, Part) else taught.parts.values():
        refuse_shared(one, asked)
    return taught, asked


def digest(taught: Part | Mixture) -> str:
    """Return a hash of what is taught and of how often."""
    if isinstance(taught, Part):
        return taught.digest
    sets = {name: digest_of(samples) for name, samples in taught.parts.items()}
    said = json.dumps([sets, dict(taught.weights), taught.seed])
    return hashlib.sha256(said.encode()).hexdigest()
