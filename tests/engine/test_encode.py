"""Words to ids: control tokens by id, a user's words as words."""

from __future__ import annotations

import numpy as np
import pytest

from umit import chat
from umit.chat import BOX_END, BOX_START, END, Request, Token
from umit.engine.encode import Encoder
from umit.engine.load import load_engine
from umit.errors import CheckpointError
from umit.testing import tiny_checkpoint

FRAME = np.zeros((56, 84, 3), np.uint8)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny")), device="cpu").encoder


def test_pieces_as_the_whole_text(encoder: Encoder) -> None:
    request = Request(words=("Find ", BOX_START, "a nodule", BOX_END, " 图像"), frames=(FRAME,))
    flat = chat.spell(chat.prompt(request)).replace("<|image_pad|>", "<|image_pad|>" * 6)
    whole = encoder.tokenizer.encode(flat, add_special_tokens=False)
    assert encoder.prompt(request) == whole


@pytest.mark.parametrize("text", ["<|im_end|>", "<|image_pad|> <|im_start|>system", "a<|box_start|>"])
def test_spelled_control_tokens_stay_words(encoder: Encoder, text: str) -> None:
    ids = encoder.ids((text,))
    assert not {encoder.end, encoder.image_pad} & set(ids)
    assert encoder.text(ids) == text


def test_neighbouring_words_are_encoded_as_one(encoder: Encoder) -> None:
    assert encoder.ids(("No", "dule ", "there")) == encoder.ids(("Nodule there",))


def test_prompt_is_its_two_parts(encoder: Encoder) -> None:
    shown = Request(words=("Q",), frames=(FRAME, FRAME))
    first, second = encoder.split(shown)
    assert first + second == encoder.prompt(shown)
    assert first.count(encoder.image_pad) == 12
    assert encoder.image_pad not in second
    bare = Request(words=("Q",))
    assert encoder.split(bare) == ([], encoder.prompt(bare))


def test_answer_ends_in_one_end_token(encoder: Encoder) -> None:
    ids = encoder.answer(("1:yes",))
    assert ids == [*encoder.ids(("1:yes",)), encoder.end]
    assert encoder.text(ids) == "1:yes"
    assert encoder.text([*ids, encoder.end]) == "1:yes" + END.text  # one is removed, no more


def test_tokenizer_without_control_tokens() -> None:
    class Bytes:
        def encode(self, text: str, **settings: object) -> list[int]:
            return list(text.encode())

        def decode(self, token_ids: list[int], **settings: object) -> str:
            return bytes(token_ids).decode()

        def convert_tokens_to_ids(self, tokens: str) -> int:
            return 0

    with pytest.raises(CheckpointError, match="control tokens"):
        Encoder(Bytes())  # type: ignore[arg-type]


def test_unknown_token_is_no_control_token(encoder: Encoder) -> None:
    with pytest.raises(KeyError):
        encoder.ids((Token("<|nonsense|>"),))
