"""MedMNIST's eighteen sets: their classes in both languages, their questions, and how their files are read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from umit.datasets.dataset import SPLITS, Choice, Sample, Split
from umit.datasets.pictures import Files, Pictures, Row
from umit.datasets.rows import plain_rows
from umit.errors import DatasetError
from umit.queries import Choose, Language
from umit.results import Classification, Findings, Marked

__all__ = ["SETS", "Set", "published", "read_set"]

_SHORT: Final[dict[Split, str]] = {"train": "train", "validation": "val", "test": "test"}
_SIZES: Final = ("_224", "_128", "_64", "")  # the sharpest that is there


@dataclass(frozen=True, slots=True)
class Set:
    """One of the sets.

    Args:
        classes: Names in English and Chinese, in the order of their numbers. UMIT's figure shortens two of
            medmnist's ("immature granulocytes", "normal"); they stand as it writes them.
        question: What is asked, in English and Chinese; the English of seven sets is UMIT's, the rest is ours.
        sizes: Published rows of train, validation and test.
        kind: ``"one"`` class, ``"several"`` findings, or ``"ordered"`` grades.
        slices: Whether a picture is a volume.
    """

    classes: tuple[tuple[str, str], ...]
    question: tuple[str, str]
    sizes: tuple[int, int, int]
    kind: str = "one"
    slices: bool = False

    def labels(self, language: Language) -> tuple[str, ...]:
        """Return the class names in a language."""
        return tuple(names[language == "zh"] for names in self.classes)


_LESIONS: Final = (("normal", "正常"), ("pneumonia", "肺炎"))
_ORGANS: Final = (
    ("bladder", "膀胱"), ("femur-left", "左股骨"), ("femur-right", "右股骨"), ("heart", "心脏"), ("kidney-left", "左肾"),
    ("kidney-right", "右肾"), ("liver", "肝脏"), ("lung-left", "左肺"), ("lung-right", "右肺"), ("pancreas", "胰腺"),
    ("spleen", "脾脏"),
)  # fmt: skip
_ORGAN: Final = ("Which organ is shown in this CT image?", "这张CT图像显示哪个器官？")

#: By medmnist's flag; numbers and sizes are those of its INFO table.
SETS: Final[Mapping[str, Set]] = {
    "pathmnist": Set(
        (("adipose", "脂肪"), ("background", "背景"), ("debris", "碎屑"), ("lymphocytes", "淋巴细胞"), ("mucus", "黏液"),
         ("smooth muscle", "平滑肌"), ("normal colon mucosa", "正常结肠黏膜"), ("cancer-associated stroma", "癌相关间质"),
         ("colorectal adenocarcinoma epithelium", "结直肠腺癌上皮")),
        ("Which type of tissue does this image represent?", "这张图像显示哪种组织？"),
        (89996, 10004, 7180),
    ),
    "chestmnist": Set(
        (("atelectasis", "肺不张"), ("cardiomegaly", "心脏增大"), ("effusion", "积液"), ("infiltration", "浸润"), ("mass", "肿块"),
         ("nodule", "结节"), ("pneumonia", "肺炎"), ("pneumothorax", "气胸"), ("consolidation", "实变"), ("edema", "水肿"),
         ("emphysema", "肺气肿"), ("fibrosis", "纤维化"), ("pleural thickening", "胸膜增厚"), ("hernia", "疝")),
        ("Which findings does this chest X-ray image show?", "这张胸部X光图像有哪些发现？"),
        (78468, 11219, 22433), "several",
    ),
    "dermamnist": Set(
        (("actinic keratoses and intraepithelial carcinoma", "光化性角化病和上皮内癌"), ("basal cell carcinoma", "基底细胞癌"),
         ("benign keratosis-like lesions", "良性角化病样病变"), ("dermatofibroma", "皮肤纤维瘤"), ("melanoma", "黑色素瘤"),
         ("melanocytic nevi", "黑色素细胞痣"), ("vascular lesions", "血管病变")),
        ("Which disease does this dermatoscopic image represent?", "这张皮肤镜图像显示哪种疾病？"),
        (7007, 1003, 2005),
    ),
    "octmnist": Set(
        (("choroidal neovascularization", "脉络膜新生血管"), ("diabetic macular edema", "糖尿病性黄斑水肿"), ("drusen", "玻璃膜疣"),
         ("normal", "正常")),
        ("Which type of tissue does this image represent?", "这张图像显示哪种组织？"),
        (97477, 10832, 1000),
    ),
    "pneumoniamnist": Set(
        _LESIONS,
        ("Does this chest X-ray image show a normal lung?", "这张胸部X光图像显示的肺正常吗？"),
        (4708, 524, 624),
    ),
    "retinamnist": Set(
        (("0", "0"), ("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")),
        ("Which grade of diabetic retinopathy does this fundus image show?", "这张眼底图像显示的糖尿病视网膜病变是几级？"),
        (1080, 120, 400), "ordered",
    ),
    "breastmnist": Set(
        (("malignant", "恶性"), ("normal", "正常")),
        ("Does this breast ultrasound image show normal?", "这张乳腺超声图像正常吗？"),
        (546, 78, 156),
    ),
    "bloodmnist": Set(
        (("basophil", "嗜碱性粒细胞"), ("eosinophil", "嗜酸性粒细胞"), ("erythroblast", "有核红细胞"), ("immature granulocytes", "未成熟粒细胞"),
         ("lymphocyte", "淋巴细胞"), ("monocyte", "单核细胞"), ("neutrophil", "中性粒细胞"), ("platelet", "血小板")),
        ("What type of blood cell is shown in this image?", "这张图像显示哪种血细胞？"),
        (11959, 1712, 3421),
    ),
    "tissuemnist": Set(
        (("collecting duct, connecting tubule", "集合管和连接小管"), ("distal convoluted tubule", "远曲小管"),
         ("glomerular endothelial cells", "肾小球内皮细胞"), ("interstitial endothelial cells", "间质内皮细胞"), ("leukocytes", "白细胞"),
         ("podocytes", "足细胞"), ("proximal tubule segments", "近端小管"), ("thick ascending limb", "髓袢升支粗段")),
        ("Which type of kidney cortex cell does this image show?", "这张图像显示哪种肾皮质细胞？"),
        (165466, 23640, 47280),
    ),
    "organamnist": Set(_ORGANS, _ORGAN, (34561, 6491, 17778)),
    "organcmnist": Set(_ORGANS, _ORGAN, (12975, 2392, 8216)),
    "organsmnist": Set(_ORGANS, _ORGAN, (13932, 2452, 8827)),
    "organmnist3d": Set(  # not the numbers of the two-dimensional sets
        (("liver", "肝脏"), ("kidney-right", "右肾"), ("kidney-left", "左肾"), ("femur-right", "右股骨"), ("femur-left", "左股骨"),
         ("bladder", "膀胱"), ("heart", "心脏"), ("lung-right", "右肺"), ("lung-left", "左肺"), ("spleen", "脾脏"), ("pancreas", "胰腺")),
        _ORGAN, (971, 161, 610), slices=True,
    ),
    "nodulemnist3d": Set(
        (("benign", "良性"), ("malignant", "恶性")),
        ("Is the lung nodule in this CT image benign or malignant?", "这张CT图像中的肺结节是良性还是恶性？"),
        (1158, 165, 310), slices=True,
    ),
    "adrenalmnist3d": Set(
        (("normal", "正常"), ("hyperplasia", "增生")),
        ("Is the adrenal gland in this CT image normal?", "这张CT图像中的肾上腺正常吗？"),
        (1188, 98, 298), slices=True,
    ),
    "fracturemnist3d": Set(
        (("buckle rib fracture", "肋骨隆突骨折"), ("nondisplaced rib fracture", "肋骨无移位骨折"), ("displaced rib fracture", "肋骨移位骨折")),
        ("Which type of rib fracture does this CT image show?", "这张CT图像显示哪种肋骨骨折？"),
        (1027, 103, 240), slices=True,
    ),
    "vesselmnist3d": Set(
        (("vessel", "正常血管"), ("aneurysm", "动脉瘤")),
        ("Does this MR angiography image show an aneurysm?", "这张MR血管图像显示动脉瘤吗？"),
        (1335, 191, 382), slices=True,
    ),
    "synapsemnist3d": Set(
        (("inhibitory synapse", "抑制性突触"), ("excitatory synapse", "兴奋性突触")),
        ("Which type of synapse does this electron microscope image show?", "这张电子显微镜图像显示哪种突触？"),
        (1230, 177, 352), slices=True,
    ),
}  # fmt: skip


def published(names: Sequence[str]) -> dict[Split, int | None]:
    """Return the published rows of several sets together."""
    return {split: sum(SETS[n].sizes[i] for n in names) for i, split in enumerate(SPLITS)}


def read_set(choice: Choice) -> Iterator[Sample[Any, Any]]:
    """Yield the samples of the chosen set, from its ``.npz`` or from its folder of PNG with a table."""
    names = [f"{choice.variant}{size}.npz" for size in _SIZES]
    for path in choice.root.existing(names):
        for split in SPLITS:
            if choice.holds(split):
                yield from _arrays(choice, path, split)
        return
    table = choice.root.first([f"{choice.variant}{size}.csv" for size in _SIZES] + names)
    yield from _pictures(choice, table)


def _arrays(choice: Choice, path: Path, split: Split) -> Iterator[Sample[Any, Any]]:
    """Read one split's two arrays; the others stay packed."""
    kind, short = SETS[choice.variant], _SHORT[split]
    try:
        with np.load(path, allow_pickle=False) as arrays:
            pictures, labels = arrays[f"{short}_images"], arrays[f"{short}_labels"]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(
            f"expected arrays {short}_images and {short}_labels: {error}", file=path.name
        ) from error
    if pictures.dtype != np.uint8 or labels.shape[:1] != pictures.shape[:1] or labels.ndim != 2:
        raise DatasetError(
            f"expected uint8 pictures with a row of labels each, got {pictures.dtype} "
            f"{pictures.shape} and {labels.shape}",
            file=path.name,
        )
    published = kind.sizes[SPLITS.index(split)]
    if len(labels) != published:
        choice.tell(f"{path.name}: {split} has {len(labels)} rows, {published} were published")
    axes = "zyx" if kind.slices else "yx" if pictures.ndim == 3 else "yxc"
    for index in range(len(labels)):
        source = Row(path, f"{short}_images", index, pictures[index], axes)
        name = f"{choice.variant}-{short}-{index}"
        if choice.wants(split, name):
            yield from _sample(
                choice, kind, source, name, labels[index], f"{path.name} {short} row {index}"
            )


def _pictures(choice: Choice, table: Path) -> Iterator[Sample[Any, Any]]:
    """Read what medmnist's ``save`` writes: split, file name and labels, without a header."""
    kind = SETS[choice.variant]
    folder = table.with_suffix("")
    for place, fields in plain_rows(table, 3):
        split: Split = next((s for s in SPLITS if _SHORT[s] == fields[0].lower()), "train")
        path = choice.root.inside(f"{folder.name}/{fields[1]}", place=place)
        if choice.wants(split, fields[1]):
            labels = np.array([int(v) for v in fields[2:] if v.strip().isdigit()])
            source = Files((path,), is_volume=kind.slices)
            yield from _sample(choice, kind, source, fields[1], labels, place)


def _sample(
    choice: Choice, kind: Set, source: Pictures, name: str, labels: NDArray[Any], place: str
) -> Iterator[Sample[Any, Any]]:
    several = kind.kind == "several"
    if len(labels) != (len(kind.classes) if several else 1) or (
        not several and not 0 <= int(labels[0]) < len(kind.classes)
    ):
        raise DatasetError(
            f"expected {'a 0 or 1 for each' if several else 'one'} of {len(kind.classes)} classes, "
            f"got {labels.tolist()}",
            file=place,
        )
    facts = (("set", choice.variant), *((("ordered", "yes"),) if kind.kind == "ordered" else ()))
    for language in choice.languages:
        names = kind.labels(language)
        query = Choose(names, kind.question[language == "zh"], several=several, language=language)
        gold: Any = (
            Findings(
                items=tuple(
                    Marked(label=n, present=bool(v)) for n, v in zip(names, labels, strict=True)
                )
            )
            if several
            else Classification(label=names[int(labels[0])])
        )
        yield Sample(
            id=f"{name}-{language}", query=query, gold=gold, source=source, group=name, place=place,
            facts=facts,
        )  # fmt: skip
