"""MedMNIST's eighteen sets: numbers and sizes of its INFO table, classes and questions in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from umit.queries import Language

__all__ = ["SETS", "Set"]


@dataclass(frozen=True, slots=True)
class Set:
    """One of the sets.

    Args:
        classes: Names in English and Chinese, in the order of their numbers. The English is medmnist's; where
            UMIT's figure writes a shorter one ("immature granulocytes", "normal"), it is the figure's.
        question: What is asked, in English and Chinese. The English is UMIT's where the table says so, else
            ours, as is all Chinese.
        rows: Published sizes of train, validation and test.
        modality: What the pictures are.
        kind: ``"one"`` class, ``"findings"``, any number of which hold, or ``"ordinal"`` grades.
        slices: Whether a picture is a volume.
    """

    classes: tuple[tuple[str, str], ...]
    question: tuple[str, str]
    rows: tuple[int, int, int]
    modality: str
    kind: Literal["one", "findings", "ordinal"] = "one"
    slices: bool = False

    def labels(self, language: Language) -> tuple[str, ...]:
        """Return the class names in a language."""
        return tuple(names[language == "zh"] for names in self.classes)

    def asked(self, language: Language) -> str:
        """Return the question in a language."""
        return self.question[language == "zh"]


_ORGANS: Final = (
    ("bladder", "膀胱"), ("femur-left", "左股骨"), ("femur-right", "右股骨"), ("heart", "心脏"), ("kidney-left", "左肾"),
    ("kidney-right", "右肾"), ("liver", "肝脏"), ("lung-left", "左肺"), ("lung-right", "右肺"), ("pancreas", "胰腺"),
    ("spleen", "脾脏"),
)  # fmt: skip
_ORGAN: Final = ("Which organ is shown in this CT image?", "这张CT图像显示哪个器官？")  # UMIT's

#: By medmnist's flag.
SETS: Final[Mapping[str, Set]] = {
    "pathmnist": Set(
        (("adipose", "脂肪"), ("background", "背景"), ("debris", "碎屑"), ("lymphocytes", "淋巴细胞"), ("mucus", "黏液"),
         ("smooth muscle", "平滑肌"), ("normal colon mucosa", "正常结肠黏膜"), ("cancer-associated stroma", "癌相关间质"),
         ("colorectal adenocarcinoma epithelium", "结直肠腺癌上皮")),
        ("Which type of tissue does this image represent?", "这张图像显示哪种组织？"),  # UMIT's
        (89996, 10004, 7180), "pathology",
    ),
    "chestmnist": Set(
        # medmnist's table says "pleural" alone, which no yes/no question can hold; the finding of its source,
        # NIH ChestX-ray14, is pleural thickening.
        (("atelectasis", "肺不张"), ("cardiomegaly", "心脏增大"), ("effusion", "积液"), ("infiltration", "浸润"), ("mass", "肿块"),
         ("nodule", "结节"), ("pneumonia", "肺炎"), ("pneumothorax", "气胸"), ("consolidation", "实变"), ("edema", "水肿"),
         ("emphysema", "肺气肿"), ("fibrosis", "纤维化"), ("pleural thickening", "胸膜增厚"), ("hernia", "疝")),
        ("Which findings does this chest X-ray image show?", "这张胸部X光图像有哪些发现？"),  # ours, never asked
        (78468, 11219, 22433), "X-ray", "findings",
    ),
    "dermamnist": Set(
        (("actinic keratoses and intraepithelial carcinoma", "光化性角化病和上皮内癌"), ("basal cell carcinoma", "基底细胞癌"),
         ("benign keratosis-like lesions", "良性角化病样病变"), ("dermatofibroma", "皮肤纤维瘤"), ("melanoma", "黑色素瘤"),
         ("melanocytic nevi", "黑色素细胞痣"), ("vascular lesions", "血管病变")),
        ("Which disease does this dermatoscopic image represent?", "这张皮肤镜图像显示哪种疾病？"),  # UMIT's
        (7007, 1003, 2005), "dermatoscopy",
    ),
    "octmnist": Set(
        (("choroidal neovascularization", "脉络膜新生血管"), ("diabetic macular edema", "糖尿病性黄斑水肿"), ("drusen", "玻璃膜疣"),
         ("normal", "正常")),
        ("Which type of tissue does this image represent?", "这张图像显示哪种组织？"),  # UMIT's
        (97477, 10832, 1000), "OCT",
    ),
    "pneumoniamnist": Set(
        (("normal", "正常"), ("pneumonia", "肺炎")),
        ("Does this chest X-ray image show a normal lung?", "这张胸部X光图像显示的肺正常吗？"),  # UMIT's
        (4708, 524, 624), "X-ray",
    ),
    "retinamnist": Set(
        (("0", "0"), ("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")),
        ("Which grade of diabetic retinopathy does this fundus image show?", "这张眼底图像显示的糖尿病视网膜病变是几级？"),  # ours
        (1080, 120, 400), "fundus photography", "ordinal",
    ),
    "breastmnist": Set(
        (("malignant", "恶性"), ("normal", "正常")),
        ("Does this breast ultrasound image show normal?", "这张乳腺超声图像正常吗？"),  # UMIT's
        (546, 78, 156), "ultrasound",
    ),
    "bloodmnist": Set(
        (("basophil", "嗜碱性粒细胞"), ("eosinophil", "嗜酸性粒细胞"), ("erythroblast", "有核红细胞"), ("immature granulocytes", "未成熟粒细胞"),
         ("lymphocyte", "淋巴细胞"), ("monocyte", "单核细胞"), ("neutrophil", "中性粒细胞"), ("platelet", "血小板")),
        ("What type of blood cell is shown in this image?", "这张图像显示哪种血细胞？"),  # UMIT's
        (11959, 1712, 3421), "microscopy",
    ),
    "tissuemnist": Set(
        (("Collecting Duct, Connecting Tubule", "集合管和连接小管"), ("Distal Convoluted Tubule", "远曲小管"),
         ("Glomerular endothelial cells", "肾小球内皮细胞"), ("Interstitial endothelial cells", "间质内皮细胞"), ("Leukocytes", "白细胞"),
         ("Podocytes", "足细胞"), ("Proximal Tubule Segments", "近端小管"), ("Thick Ascending Limb", "髓袢升支粗段")),
        ("Which type of kidney cortex cell does this image show?", "这张图像显示哪种肾皮质细胞？"),  # ours
        (165466, 23640, 47280), "microscopy",
    ),
    "organamnist": Set(_ORGANS, _ORGAN, (34561, 6491, 17778), "CT"),
    "organcmnist": Set(_ORGANS, _ORGAN, (12975, 2392, 8216), "CT"),
    "organsmnist": Set(_ORGANS, _ORGAN, (13932, 2452, 8827), "CT"),
    "organmnist3d": Set(  # not the numbers of the two-dimensional sets
        (("liver", "肝脏"), ("kidney-right", "右肾"), ("kidney-left", "左肾"), ("femur-right", "右股骨"), ("femur-left", "左股骨"),
         ("bladder", "膀胱"), ("heart", "心脏"), ("lung-right", "右肺"), ("lung-left", "左肺"), ("spleen", "脾脏"), ("pancreas", "胰腺")),
        _ORGAN, (971, 161, 610), "CT", slices=True,
    ),
    "nodulemnist3d": Set(
        (("benign", "良性"), ("malignant", "恶性")),
        ("Is the lung nodule in this CT image benign or malignant?", "这张CT图像中的肺结节是良性还是恶性？"),  # ours
        (1158, 165, 310), "CT", slices=True,
    ),
    "adrenalmnist3d": Set(  # a shape, not grey values
        (("normal", "正常"), ("hyperplasia", "增生")),
        ("Is the shape of this adrenal gland normal, or does it show hyperplasia?", "这个肾上腺的形态是正常还是增生？"),  # ours
        (1188, 98, 298), "CT", slices=True,
    ),
    "fracturemnist3d": Set(
        (("buckle rib fracture", "肋骨隆突骨折"), ("nondisplaced rib fracture", "肋骨无移位骨折"), ("displaced rib fracture", "肋骨移位骨折")),
        ("Which type of rib fracture does this CT image show?", "这张CT图像显示哪种肋骨骨折？"),  # ours
        (1027, 103, 240), "CT", slices=True,
    ),
    "vesselmnist3d": Set(  # a shape, not grey values
        (("vessel", "血管"), ("aneurysm", "动脉瘤")),
        ("Is this shape of a brain artery a normal vessel or an aneurysm?", "这段脑动脉的形态是正常血管还是动脉瘤？"),  # ours
        (1335, 191, 382), "MRA", slices=True,
    ),
    "synapsemnist3d": Set(
        (("inhibitory synapse", "抑制性突触"), ("excitatory synapse", "兴奋性突触")),
        ("Which type of synapse does this electron microscope image show?", "这张电子显微镜图像显示哪种突触？"),  # ours
        (1230, 177, 352), "electron microscopy", slices=True,
    ),
}  # fmt: skip
