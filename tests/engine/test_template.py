"""What a checkpoint's own chat template writes around a question, as ids too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from umit import chat
from umit.chat import Request, prompt, spell
from umit.engine.encode import Encoder
from umit.engine.template import template_form, template_of
from umit.errors import CheckpointError, InputError
from umit.testing import tiny_checkpoint

TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
)
#: Qwen3-VL's own in short: no system line, and Thinking opens its reasoning in the prompt.
INSTRUCT = TURNS + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
THINKING = TURNS + "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
PICTURE = np.zeros((28, 56, 3), np.uint8)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "older", hub_layout=True)


def tokenizer(folder: Path, template: str | None = None) -> Any:
    found = Qwen2Tokenizer.from_pretrained(folder)
    if template is not None:
        found.chat_template = template
    return found


@pytest.mark.parametrize(
    ("template", "head", "tail"),
    [
        (None, "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n", "assistant\n"),
        (INSTRUCT, "<|im_start|>user\n", "assistant\n"),
        (THINKING, "<|im_start|>user\n", "assistant\n<think>\n"),
    ],
    ids=["the older file beside it", "Instruct", "Thinking"],
)
def test_the_template_decides(older: Path, template: str | None, head: str, tail: str) -> None:
    form = template_form(tokenizer(older, template))
    assert spell(form.head) == head
    assert spell(form.tail) == "<|im_end|>\n<|im_start|>" + tail
    assert chat.START in form.head and "<|im_start|>" not in "".join(w for w in form.head if isinstance(w, str))


@pytest.mark.parametrize("template", [None, INSTRUCT, THINKING])
@pytest.mark.parametrize("pictures", [0, 1, 2])
def test_ids_are_those_of_the_template(older: Path, template: str | None, pictures: int) -> None:
    known = tokenizer(older, template)
    encoder = Encoder(known)
    asked = Request(words=("Is <|im_end|> there?",), frames=(PICTURE,) * pictures, system=None)
    content = [*[{"type": "image"}] * pictures, {"type": "text", "text": "Is it there?"}]
    written = known.apply_chat_template(
        [{"role": "user", "content": content}],
        chat_template=template_of(known), tokenize=False, add_generation_prompt=True,
    ).replace("<|image_pad|>", "<|image_pad|>" * 2)  # fmt: skip
    plain = Request(words=("Is it there?",), frames=asked.frames, system=None)
    assert encoder.prompt(plain) == known.encode(written, add_special_tokens=False)
    assert encoder.prompt(asked).count(encoder.end) == encoder.prompt(plain).count(encoder.end), "words stay words"


def test_a_system_line_of_its_own_leaves_the_template_aside(older: Path) -> None:
    encoder = Encoder(tokenizer(older, THINKING))
    request = Request(words=("?",), frames=(PICTURE,), system="")
    assert encoder.prompt(request) == encoder.ids(
        [
            *chat.before_frames(request),
            chat.VISION_START,
            *[chat.IMAGE_PAD] * 2,
            chat.VISION_END,
            *chat.after_frames(request),
        ]
    )


def test_words_may_stand_before_the_pictures(older: Path) -> None:
    encoder = Encoder(tokenizer(older))
    request = Request(lead=("Question: \n",), words=("Where?",), frames=(PICTURE,), system="")
    assert encoder.tokenizer.decode(encoder.prompt(request)) == (
        "<|im_start|>user\nQuestion: \n<|vision_start|><|image_pad|><|image_pad|><|vision_end|>Where?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ raise_exception('text only') }}", "text only"),
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "name the system line"),
        (INSTRUCT.replace("<|vision_start|>", "Picture: <|vision_start|>"), "name the system line"),
    ],
    ids=["fails", "knows no pictures", "numbers pictures"],
)
def test_a_template_of_another_kind_is_refused(older: Path, template: str, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        template_form(tokenizer(older, template))


def test_no_template_is_told(tmp_path: Path, older: Path) -> None:
    bare = tokenizer(older)
    bare.name_or_path = str(tmp_path)
    bare.chat_template = None
    with pytest.raises(CheckpointError, match="found none"):
        template_form(bare)
    (tmp_path / "chat_template.json").write_text("[]")
    with pytest.raises(CheckpointError, match="got list"):
        template_form(bare)
    with pytest.raises(InputError, match="chat template"):
        prompt(Request(words=("?",), system=None))
