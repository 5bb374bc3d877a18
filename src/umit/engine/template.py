"""What a checkpoint's own chat template writes around a question: found by writing one that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from umit import chat
from umit.chat import Around
from umit.errors import CheckpointError
from umit.json_file import json_object

__all__ = ["PROBE", "rendered", "template_form", "template_of"]

PROBE: Final = "Which plane is this?"  # no template changes it, or takes it for something else


def template_of(tokenizer: Any) -> str | None:
    """Return a tokenizer's chat template, or that of the older file beside it; ``None`` where there is neither.

    Raises:
        CheckpointError: The older file is no JSON object.
    """
    own = getattr(tokenizer, "chat_template", None)
    if isinstance(own, str):
        return own
    path = Path(str(getattr(tokenizer, "name_or_path", ""))) / "chat_template.json"
    found = json_object(path) or {}
    template = found.get("chat_template")
    return template if isinstance(template, str) else None


def template_form(tokenizer: Any) -> Around:
    """Return what a chat template writes before and after a user turn, up to where the answer begins.

    Args:
        tokenizer: Of the checkpoint.

    Raises:
        CheckpointError: No template; one that fails; or one that writes more between pictures and words than Qwen-VL's.
    """
    written = rendered(tokenizer, pictures=2)
    turn = chat.spell((chat.VISION_START, chat.IMAGE_PAD, chat.VISION_END)) * 2 + PROBE
    head, found, tail = written.partition(turn)
    if not found:
        raise CheckpointError(
            f"expected a chat template that writes two pictures and a question as {turn!r}, got {written!r:.400}; "
            "name the system line in a card"
        )
    return Around(head=chat.template_words(head), tail=chat.template_words(tail))


def rendered(tokenizer: Any, *, pictures: int) -> str:
    """Return how a chat template writes one question behind some pictures.

    Raises:
        CheckpointError: No template, or one that fails.
    """
    from jinja2 import TemplateError

    template = template_of(tokenizer)
    if template is None:
        raise CheckpointError(
            "expected a chat template beside the tokenizer, found none; name the system line in a card"
        )
    content = [*({"type": "image"} for _ in range(pictures)), {"type": "text", "text": PROBE}]
    try:
        return str(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": content}],
                chat_template=template, tokenize=False, add_generation_prompt=True,
            )
        )  # fmt: skip
    except (TemplateError, TypeError) as error:
        raise CheckpointError(f"its chat template cannot write a question on a picture: {error}") from error
