"""Cards of medical fine-tunes of Qwen-VL whose every needed fact was read in its makers' own files.

Words are theirs, with their line breaks, blanks and slips: weights answer what they were trained on. What no source
states, such as the frame of CheXOne's boxes, is refused with that reason and never taken from the base.
"""

from __future__ import annotations

from typing import Final

from umit.chat import DEFAULT_SYSTEM
from umit.checkpoints.card import Checkpoint, Evidence, ModelType
from umit.checkpoints.families import LETTERS, budget, proofs
from umit.imaging.view import Rendering
from umit.queries import Language
from umit.tasks.dialect import UMIT, Choices, Dialect, Prompt
from umit.tasks.forms import AnswerForm

__all__ = ["FOLDERS", "MEDICAL"]

_UNTRAINED: Final = "no boxes were trained"
_NO_POINTS: Final = "no points were trained"
_MCQ: Final = ("answer_closed", "classify")
_ENGLISH: Final[tuple[Language, ...]] = ("en",)


def _card(
    name: str,
    kind: ModelType,
    prompts: tuple[Prompt, ...],
    evidence: tuple[Evidence, ...],
    *,
    system: str | None = None,
    shown: Rendering | None = None,
    choices: Choices = LETTERS,
    form: AnswerForm = "plain",
    length: int | None = None,
    licence: str = "apache-2.0",
    base_licence: str = "apache-2.0",
    boxes: str = _UNTRAINED,
    sub_folder: str = "",
) -> Checkpoint:
    """Return a card that answers in words; without a picture rule of its own the checkpoint's files say it."""
    film = shown or budget(kind)
    asked = {prompt.language for prompt in prompts}
    languages: tuple[Language, ...] = ("en", "zh") if "zh" in asked else _ENGLISH
    return Checkpoint(
        name=name,
        task_names=tuple(dict.fromkeys(prompt.task for prompt in prompts)),
        languages=languages,
        dialect=Dialect(
            film=film, volume=UMIT.volume, boxes=film, points=film, volumes=False,
            prompts=prompts, choices=choices, form=form, max_new_tokens=length,
        ),
        system=system, own_pixels=shown is None, model_type=kind, sub_folder=sub_folder, licence=licence,
        base_licence=base_licence, evidence=evidence, refused=(("detect_2d", boxes), ("landmark", _NO_POINTS)),
    )  # fmt: skip


def _prompts(text: str, *tasks: str, language: Language = "en", form: AnswerForm | None = None) -> tuple[Prompt, ...]:
    return tuple(Prompt(task=task, language=language, text=text, form=form) for task in tasks)


_MEDVLM: Final = _card(
    "JZPeterPan/MedVLM-R1", "qwen2_vl",
    _prompts(
        "\n    {question}\n{options} \n    Your task: \n    1. Think through the question step by step, enclose your "
        "reasoning process in <think>...</think> tags. \n    2. Then provide the correct single-letter choice "
        "(A, B, C, D,...) inside <answer>...</answer> tags.\n    3. No extra information or text outside of these tags."
        "\n    ",
        *_MCQ,
    ),
    proofs(
        ("prompt", "demo.ipynb@2eee421"), ("answer_form", "demo.ipynb@2eee421"), ("picture", "demo.ipynb@2eee421"),
        ("licence", "the hub"), ("system", "its own chat template"),
    ),
    shown=budget("qwen2_vl", most=401408), choices=Choices(), form="think_answer", length=1024,
)  # fmt: skip

#: Weights of one name on the hub that lie in sub-folders, one of which must be named.
FOLDERS: Final[dict[str, tuple[str, ...]]] = {
    "yuxianglai117/Med-R1": (
        "VQA_CT", "VQA_MRI", "VQA_X-Ray", "VQA_US", "VQA_Dermo", "VQA_Fundus", "VQA_OCT", "VQA_Micro",
        "VQA_Anatomy_Identification", "VQA_Disease_Diagnosis", "VQA_Lesion_Grading", "VQA_Modality_Recognition",
        "VQA_Other_Bio",
    ),
}  # fmt: skip
_MED_R1: Final = tuple(
    _card(
        f"yuxianglai117/Med-R1/{folder}", "qwen2_vl",
        _prompts(
            "{question} {options} Your task: 1. Think through the question step by step, enclose your reasoning process "
            "in <think>...</think> tags. 2. Then provide the correct single-letter choice (A, B, C, D,...) inside "
            "<answer>...</answer> tags. 3. No extra information or text outside of these tags.",
            *_MCQ,
        ),
        proofs(
            ("prompt", "grpo_vqa.py@88d76c7"), ("answer_form", "grpo_vqa.py@88d76c7"),
            ("picture", "github.com/Yuxiang-Lai117/Med-R1@88d76c7"), ("licence", "the hub"),
            ("system", "its own chat template"),
        ),
        shown=budget("qwen2_vl", fed=(384, 384), most=401408),
        choices=Choices(shown="{mark}){words}", joint=", "), form="think_answer", length=256, sub_folder=folder,
    )
    for folder in FOLDERS["yuxianglai117/Med-R1"]
)  # fmt: skip

_STEP_BY_STEP: Final = (
    "\nLet's think step by step. Enclose the reasoning within <think></think> and the answer within <answer></answer>."
)
_CHESTX: Final = _card(
    "byrLLCC/ChestX-Reasoner", "qwen2_vl",
    (
        *_prompts("{question}" + _STEP_BY_STEP, "answer_open"),
        *_prompts("{question} Options:\n{options}" + _STEP_BY_STEP, *_MCQ),
    ),
    proofs(
        ("prompt", "github.com/MAGIC-AI4Med/ChestX-Reasoner@6bbe912"), ("system", "the same"), ("picture", "the same"),
        ("answer_form", "the same"),
    ),
    system=DEFAULT_SYSTEM, shown=budget("qwen2_vl", fed=(448, 448)), choices=Choices(), form="think_answer",
    length=1024, licence="unverified",
)  # fmt: skip

_BOXED: Final = (
    r" Please reason step by step, and put your final answer within \boxed{{}}."  # the double braces are theirs
)
_CHEXONE: Final = _card(
    "StanfordAIMI/CheXOne", "qwen2_5_vl",
    (
        *_prompts("{question}" + _BOXED, "answer_open", form="boxed"),
        *_prompts("{question}\n{options}" + _BOXED, *_MCQ, form="boxed"),
        *_prompts("Write an example findings section for the CXR.", "report_film"),
    ),
    (
        *proofs(
            ("prompt", "github.com/YBZh/CheXOne@bed20f6"), ("system", "the same"), ("picture", "the same"),
            ("answer_form", "the same"), ("licence", "catalogue pages"),
        ),
        *proofs(("frame", "hundredths, as CheXagent writes; never stated by its authors"), tag="I"),
    ),
    system=DEFAULT_SYSTEM, shown=budget("qwen2_5_vl", most=262144), choices=Choices(), length=2048,
    licence="cc-by-nc-4.0", base_licence="Qwen RESEARCH LICENSE, non-commercial",
    boxes="boxes of CheXOne: frame never stated by its authors",
)  # fmt: skip

_LINGSHU: Final = tuple(
    _card(
        f"lingshu-medical-mllm/Lingshu-{size}", "qwen2_5_vl",
        (
            *_prompts("{question}\nPlease answer the question concisely.", "answer_open"),
            *_prompts("{question}\n请简要回答该问题。", "answer_open", language="zh"),
            *_prompts(
                "\nQuestion: {question}\nOptions: \n{options}\n"
                "Answer with the option's letter from the given choices directly.",
                *_MCQ,
            ),
            *_prompts(
                "\n问题： {question}\n选项： \n{options}\n请直接使用给定选项中的选项字母来回答该问题。", *_MCQ, language="zh"
            ),
            *_prompts(
                "You are a helpful assistant. Please generate a report for the given images, including both findings "
                "and impressions. Return the report in the following format: Findings: {} Impression: {}.",
                "report_film",
            ),
        ),
        proofs(
            ("prompt", "alibaba-damo-academy/MedEvalKit@9b12e3b, utils/question_formats.py"),
            ("system", "its own chat template"), ("picture", "its own preprocessor_config.json"),
            ("answer_form", "the same as the prompt"), ("licence", "a copy of its card"),
        ),
        length=512, licence="mit", boxes="no grounding is claimed by its authors",
    )
    for size in ("7B", "32B")
)  # fmt: skip

_THOUGHTS: Final = (
    "You will solve a problem/request. You should provide your thoughts within <think> </think> tags before providing "
    "the answer.\nWrite your final answer within <answer> </answer> tags."
)
_MEDVLTHINKER: Final = tuple(
    _card(
        f"UCSC-VLAA/MedVLThinker-{size}-{taught}", "qwen2_5_vl",
        (
            *_prompts("{question}", "answer_open"),
            *_prompts("Question: {question}\n\nOptions:\n\n{options}", *_MCQ),
        ),
        proofs(
            ("prompt", "github.com/UCSC-VLAA/MedVLThinker"), ("system", "the same"), ("answer_form", "the same"),
            ("picture", "its own preprocessor_config.json"), ("licence", "its repository"),
        ),
        system=_THOUGHTS, choices=Choices(shown="{mark}. {words}", joint="\n\n"), form="think_answer", length=4096,
        base_licence="Qwen RESEARCH LICENSE, non-commercial" if size == "3B" else "apache-2.0",
    )
    for size in ("3B", "7B", "32B")
    for taught in ("RL_m23k", "RL_PMC")
)  # fmt: skip

_MEDIX: Final = (
    "You are a Medical AI Assistant with advanced reasoning capabilities\n"
    "Your task:\n"
    "1. First output the image modality tag from this set:\n"
    "   <X_RAY>, <MICROSCOPY>, <CLINICAL_PHOTOGRAPHY>, <CT_SCAN>, <GRAPHICS>, \n"
    "   <ANGIOGRAPHY>, <PET_SCAN>, <ULTRASOUND>, <MRI_SCAN>, <FUNDUS_PHOTOGRAPHY>, \n"
    "   <OCT_SCAN>, <ENDOSCOPY>, <MAMMOGRAPHY>, <FLUOROSCOPY>, <OTHER>, <SPECT>\n"
    "   (Only output the tag, nothing else.)\n"
    "2. Then output the thinking and medical reasoning process in <thinking>...</thinking>tags.\n"
    "3. Finally, provide the correct answer inside <answer>...</answer> tags.\n"
    "4. Do not include any extra information or text outside of these tags.\n"
    "Question: \n{pictures}"
)
_MEDIX_R1: Final = tuple(
    _card(
        f"MBZUAI/MediX-R1-{size}", "qwen3_vl",
        (
            *_prompts(_MEDIX + "{question}", "answer_open"),
            *_prompts(_MEDIX + "{question}\n{options}", *_MCQ),
        ),
        proofs(
            ("prompt", "mbzuai-oryx/MediX-R1@94fd018, medical_format.jinja"), ("picture", "the same"),
            ("answer_form", "the same"), ("licence", "the hub"), ("system", "its own chat template"),
        ),
        shown=budget("qwen3_vl", least=262144, most=4194304), form="tag_answer", length=2048,
        licence="cc-by-nc-sa-4.0",
    )
    for size in ("2B", "8B")
)  # fmt: skip

_NV_REASON: Final = _card(
    "nvidia/NV-Reason-CXR-3B", "qwen2_5_vl",
    (*_prompts("{question}", "answer_open"), *_prompts("Find abnormalities and support devices.", "report_film")),
    proofs(
        ("prompt", "the hub"), ("answer_form", "train/vlm_rewards.py"), ("licence", "the hub"),
        ("system", "its own chat template"), ("picture", "its own preprocessor_config.json"),
    ),
    form="think_answer", length=2048, licence="NVIDIA OneWay Non-Commercial",
    base_licence="Qwen RESEARCH LICENSE, non-commercial",
)  # fmt: skip

_MEDMO: Final = tuple(
    _card(
        f"MBZUAI/MedMO-{size}", "qwen3_vl",
        (
            *_prompts("{question}", "answer_open"),
            *_prompts("Generate a detailed radiology report for this chest X-ray.", "report_film"),
        ),
        (
            *proofs(
                ("prompt", "genmilab/MedMO@4a9f45d; there for a CT scan"), ("licence", "the hub"),
                ("answer_form", "genmilab/MedMO@4a9f45d"), ("system", "its own chat template"),
                ("picture", "its own preprocessor_config.json"),
            ),
            *proofs(("frame", "thousandths by its base, or pixels of 1280; never stated"), tag="I"),
        ),
        length=512, boxes="boxes of MedMO: frame of <box>[[…]]</box> never stated by its authors",
    )
    for size in ("4B", "8B", "4B-Next", "8B-Next")
)  # fmt: skip

#: Fine-tunes, by hub name.
MEDICAL: Final[dict[str, Checkpoint]] = {
    card.name: card
    for card in (
        _MEDVLM, *_MED_R1, _CHESTX, _CHEXONE, *_LINGSHU, *_MEDVLTHINKER, *_MEDIX_R1, _NV_REASON, *_MEDMO,
    )
}  # fmt: skip
