"""For tests of code that uses umit: a backend that replies by script, and a tiny random checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit import chat
from umit.chat import Completion, Request
from umit.checkpoints import PHANTOM, Checkpoint, write_card
from umit.errors import BackendError
from umit.imaging.view import Rendering

if TYPE_CHECKING:
    from umit.engine.families import Family

__all__ = ["ScriptedBackend", "fitting", "tiny_checkpoint"]


class ScriptedBackend:
    """Replies what it is told; needs no weights.

    Args:
        replies: Texts in the order of the requests, over all calls; or what replies to a request,
            a text or a whole completion.

    Example:
        >>> backend = ScriptedBackend(["yes"])
        >>> next(backend.generate([Request(words=("Nodule?",))])).text
        'yes'
        >>> backend.requests[0].words
        ('Nodule?',)
    """

    def __init__(self, replies: Sequence[str] | Callable[[Request], str | Completion]) -> None:
        self._reply = replies if callable(replies) else _read_out(replies)
        #: What was asked so far.
        self.requests: list[Request] = []

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Reply to each request when it is asked for.

        Raises:
            BackendError: More requests than replies.
        """
        for request in requests:
            self.requests.append(request)
            reply = self._reply(request)
            yield Completion(text=reply) if isinstance(reply, str) else reply


def _read_out(replies: Sequence[str]) -> Callable[[Request], str]:
    waiting = iter(replies)

    def reply(request: Request) -> str:
        found = next(waiting, None)
        if found is None:
            raise BackendError(f"expected a reply to every request, the script has {len(replies)}", engine="scripted")
        return found

    return reply


#: Qwen2-VL's added tokens, in the order of their ids.
SPECIAL: Final = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>"),
    *("<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
_LINES: Final = (
    "You are a helpful assistant.",
    "Given this image, please answer the question: Is there a nodule in this image?",
    "Given this image, choose one option from: 1:yes\n2:no to answer the question: ",
    "根据给定的图像, 请简洁回答问题：图像中有结节吗？",
    "[(32,157,19),(112,219,25)]",
)
#: Qwen2-VL's template without its pictures' numbers and videos.
_TEMPLATE: Final = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_VISION: Final = {
    "depth": 2,
    "embed_dim": 32,
    "num_heads": 2,
    "hidden_size": 64,
    "mlp_ratio": 2,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "initializer_range": 0.2,
}
_NEWER_VISION: Final = {
    "hidden_size": 32,
    "num_heads": 2,
    "intermediate_size": 64,
    "out_hidden_size": 64,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "initializer_range": 0.2,
}
#: Windows of 2 × 2 tokens, so that small pictures have several, and whole ones in one block of three.
_VISION_2_5: Final = {**_NEWER_VISION, "depth": 3, "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]}
#: A table of 5 × 5 positions, and two blocks that the language model sees too.
_VISION_3: Final = {
    **_NEWER_VISION, "depth": 3, "patch_size": 16, "num_position_embeddings": 25, "deepstack_visual_indexes": [0, 1],
}  # fmt: skip
_VISIONS: Final[dict[str, dict[str, Any]]] = {
    "qwen2_vl": _VISION, "qwen2_5_vl": _VISION_2_5, "qwen3_vl": _VISION_3
}  # fmt: skip
_TEXT: Final = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.2,  # ten times the usual, so that random weights have opinions
}
_ROPE: Final[dict[str, Any]] = {"rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
_HEAD: Final = 16


def tiny_checkpoint(
    folder: Path,
    *,
    card: Checkpoint | None = PHANTOM,
    seed: int = 0,
    hub_layout: bool = False,
    family: str = "qwen2_vl",
    processor: bool = False,
    depth: int = 0,
) -> Path:
    """Write a random Qwen-VL of two layers, with a tokenizer of its own; its words mean nothing.

    Args:
        folder: Made if it does not exist.
        card: Written beside the weights; ``None`` for none, as on the hub. The embedded checkpoint's has its pictures
            cut for the family, as :func:`fitting` does it.
        seed: Of the weights.
        hub_layout: Write the files as the hub's older Qwen2-VL repositories have them.
        family: Which architecture, a key of :data:`umit.engine.families.FAMILIES`: ``"qwen2_vl"``, ``"qwen2_5_vl"``
            with windows of two tokens a side, or ``"qwen3_vl"`` with DeepStack.
        depth: Of the vision encoder, in blocks; 0 for the few that it takes to be of its family.
        processor: Write what plain ``AutoProcessor`` and servers need, too.

    Returns:
        The folder.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as name:
        ...     (tiny_checkpoint(Path(name)) / "umit.json").is_file()
        True
    """
    from umit.engine.families import FAMILIES
    from umit.engine.load import quiet
    from umit.engine.preprocessor import write_processor_files

    kind = FAMILIES[family]
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in _WRITTEN_IDS}
    with quiet():
        _model(kind, len(tokenizer), ids, seed, depth).save_pretrained(folder)
    if hub_layout:
        _write_hub_layout(folder, len(tokenizer), ids)
    if processor:
        side = kind.factor
        write_processor_files(kind, folder, min_pixels=4 * side * side, max_pixels=768 * side * side)
    if card is not None:
        write_card(fitting(card, family) if card is PHANTOM else card, folder)
    return folder


def fitting(card: Checkpoint, family: str) -> Checkpoint:
    """Return a card for another architecture, whose pictures have sides that are multiples of its factor; frames stay.

    Args:
        card: Such as the embedded checkpoint's.
        family: A key of :data:`umit.engine.families.FAMILIES`.

    Example:
        >>> fitting(PHANTOM, "qwen3_vl").dialect.volume.fed
        (64, 64)
    """
    from umit.engine.families import FAMILIES

    kind = FAMILIES[family]
    factor = kind.factor

    def cut(shown: Rendering) -> Rendering:
        fed = shown.fed and (factor * round(shown.fed[0] / factor), factor * round(shown.fed[1] / factor))
        return replace(shown, factor=factor, fed=fed)

    d = card.dialect
    dialect = replace(d, film=cut(d.film), volume=cut(d.volume), boxes=cut(d.boxes), points=cut(d.points))
    named: Any = kind.model_type  # one of those that a card can name
    return replace(card, dialect=dialect, model_type=named)


#: Tokens whose ids stand in config.json, and their keys there.
_WRITTEN_IDS: Final = {
    "endoftext": "",
    "im_end": "",
    "image_pad": "image_token_id",
    "video_pad": "video_token_id",
    "vision_start": "vision_start_token_id",
    "vision_end": "vision_end_token_id",
}


def _model(family: Family, vocabulary: int, ids: dict[str, int], seed: int, depth: int) -> Any:
    import torch

    interleaved = {"mrope_interleaved": True} if family.model_type == "qwen3_vl" else {}
    config = family.config_class()(
        vision_config={**_VISIONS[family.model_type], **({"depth": depth} if depth else {})},
        text_config={
            **_TEXT,
            **({"head_dim": _HEAD} if interleaved else {}),
            "vocab_size": vocabulary,
            "rope_parameters": {"rope_type": "default", **_ROPE, **interleaved},
            "eos_token_id": ids["im_end"],
            "pad_token_id": ids["endoftext"],
            "bos_token_id": None,
        },
        **{key: ids[name] for name, key in _WRITTEN_IDS.items() if key},
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = family.model_class()(config)
    model.generation_config.eos_token_id = ids["im_end"]
    model.generation_config.pad_token_id = ids["endoftext"]
    return model


def _tokenizer() -> Any:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX, Qwen2Tokenizer

    made: Any = Tokenizer(models.BPE())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer
    made.train_from_iterator(_LINES, trainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False))
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    wrap: Any = Qwen2Tokenizer
    return wrap(
        tokenizer_object=made,
        eos_token=chat.END.text,
        pad_token=chat.END_OF_TEXT.text,
        bos_token=None,
        unk_token=None,
        chat_template=_TEMPLATE,
    )


def _write_hub_layout(folder: Path, vocabulary: int, ids: dict[str, int]) -> None:
    config = {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "model_type": "qwen2_vl",
        **_TEXT,
        "vocab_size": vocabulary,
        "bos_token_id": ids["endoftext"],
        "eos_token_id": ids["im_end"],
        **{key: ids[name] for name, key in _WRITTEN_IDS.items() if key},
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": _ROPE["rope_theta"],
        "rope_scaling": {"type": "mrope", "mrope_section": _ROPE["mrope_section"]},
        "use_sliding_window": False,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vision_config": {**_VISION, "model_type": "qwen2_vl"},
    }
    pictures = {
        "min_pixels": 3136,
        "max_pixels": 12845056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_processor_type": "Qwen2VLImageProcessor",
        "processor_class": "Qwen2VLProcessor",
    }
    for name, content in (
        ("config.json", config),
        ("preprocessor_config.json", pictures),
        ("chat_template.json", {"chat_template": _TEMPLATE}),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "chat_template.jinja").unlink(missing_ok=True)
