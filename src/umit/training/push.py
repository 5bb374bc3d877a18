"""A finished checkpoint to the hub: its own files, and nothing else that lies in its folder."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from umit.checkpoints import CARD, EMBEDDED, read_card
from umit.engine.adapters import ADAPTER, TENSORS, base_of, is_adapter
from umit.engine.hub import endpoint
from umit.errors import CheckpointError, InputError

__all__ = ["FILES", "push_to_hub"]

#: What a checkpoint is; states, answers with their pictures and whatever else is beside it stays.
FILES: Final = (
    *("README.md", CARD, "training.json", ADAPTER, TENSORS, "config.json", "generation_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "chat_template.jinja"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json"),
    *("special_tokens_map.json", "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json"),
)


def push_to_hub(folder: str | Path, name: str, *, private: bool = True) -> str:
    """Upload a checkpoint's files to a repository, which is made if it is not there.

    Args:
        folder: Of a finished checkpoint.
        name: Of the repository, such as ``"me/mine"``; ``hf auth login`` says who you are.
        private: Whether others must not see it.

    Returns:
        Its address.

    Raises:
        CheckpointError: No finished checkpoint, an adapter whose base others cannot have, or a hub that refuses.
        InputError: A name that is none, or a repository that is public where a private one was asked for.
    """
    from huggingface_hub import HfApi, errors, utils

    place = Path(folder).expanduser()
    known: Any = errors  # the parent of all failed requests is not among its public names
    names: Any = utils
    _check(place)
    try:
        names.validate_repo_id(name)
    except ValueError as error:
        raise InputError(f"expected a name such as 'me/mine', got {name!r:.99}", where="name") from error
    chosen = sorted(p.name for p in place.iterdir() if p.is_file() and any(fnmatch(p.name, one) for one in FILES))
    api: Any = HfApi(endpoint=endpoint())
    try:
        address = str(api.create_repo(name, private=private, exist_ok=True))
        if private and not api.model_info(name).private:
            raise InputError(
                f"expected a private repository, {name!r} is public", where="name",
                hint="Take another name, or --public (in Python private=False) if everybody may see it",
            )  # fmt: skip
        api.upload_folder(
            repo_id=name, folder_path=str(place), allow_patterns=chosen, commit_message=f"umit checkpoint {place.name}"
        )
    except (OSError, known.HTTPError) as error:
        said = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise CheckpointError(
            f"expected {endpoint()} to take {name!r}, got: {said:.300}; hf auth login says who you are"
        ) from error
    return address


def _check(place: Path) -> None:
    """Refuse what others could not load."""
    read_card(place)
    if not is_adapter(place):
        return
    base, called = base_of(place, place.name)
    if isinstance(base, Path) and called != EMBEDDED:
        raise CheckpointError(
            f"expected a base that others can have, the adapter {place.name!r} is for {called!r}, a folder of this "
            f"machine; push that first and write its name on the hub as base_model_name_or_path into {ADAPTER}, or "
            "train with --merge"
        )
