"""Weights from the hub: asked once, with a time-out, and read from this disk after that.

huggingface_hub 2.4 waits without end for a hub that accepts and never replies, and asks again and again where
there is no network; so whether the hub answers at all is found out first.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

from umit.errors import CheckpointError

__all__ = ["endpoint", "fetched", "offline"]

#: What a checkpoint is read from; pickled weights may run code, and are left.
_FILES: Final = ("*.json", "*.safetensors", "*.txt", "*.jinja")


def endpoint() -> str:
    """Return the hub's address, which ``HF_ENDPOINT`` changes."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def offline() -> bool:
    """Return whether ``HF_HUB_OFFLINE`` keeps the network out."""
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def fetched(name: str, revision: str | None = None, *, weights: bool = True) -> str:
    """Return the folder on this disk that holds a checkpoint of the hub, downloaded if it is not there yet.

    Args:
        name: Such as ``"dz-osamu/UMIT-B"``, or ``"yuxianglai117/Med-R1:VQA_CT"`` where weights lie in a sub-folder.
        revision: Branch, tag or commit.
        weights: Whether those are wanted, too.

    Raises:
        CheckpointError: The hub does not have it, or does not answer within ``HF_HUB_ETAG_TIMEOUT`` seconds (10
            by default) and the disk does not have it either. ``HF_HUB_OFFLINE=1`` asks the disk alone.
    """
    import huggingface_hub
    from huggingface_hub import constants, errors

    name, _, inside = name.partition(":")
    known: Any = errors  # the parent of all failed requests is not among its public names
    alone = offline()
    silent = "" if alone else _silence(name, float(constants.HF_HUB_ETAG_TIMEOUT))
    try:
        place = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=[f"{inside}/{one}" if inside else one for one in _FILES],
            ignore_patterns=None if weights else ["*.safetensors"],
            local_files_only=alone or bool(silent),
        )  # fmt: skip
        return str(Path(place) / inside)
    except (OSError, ValueError, known.HTTPError) as error:
        first = str(error).strip().split("\n", 1)[0] or type(error).__name__
        asked = f"{endpoint()} {silent}, and this disk has no copy" if silent else first
        if alone:
            asked = "HF_HUB_OFFLINE is set, and this disk has no copy"
        raise CheckpointError(
            f"expected the checkpoint {name!r} of the hub: {asked}. "
            "Check the name and the network, or pass a local folder."
        ) from error


def _silence(name: str, seconds: float) -> str:
    """Return in words why the hub cannot be asked; ``""`` if it answers, whatever it says."""
    try:
        with urlopen(f"{endpoint()}/api/models/{quote(name)}", timeout=seconds):
            return ""
    except HTTPError:  # such as 404, which is an answer
        return ""
    except URLError as error:
        if isinstance(error.reason, ssl.SSLError):  # it answers, and its certificate is httpx's matter
            return ""
        return f"cannot be reached ({error.reason})"
    except OSError:
        return f"did not answer within {seconds:g} s"
