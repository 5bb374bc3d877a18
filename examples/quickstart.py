"""Five verbs in two languages, on phantoms that are drawn, saved as files and read again.

Research use only, not a medical device: the embedded checkpoint knows synthetic phantoms only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

from umit import UMIT
from umit.phantom import draw_cephalogram, draw_film, draw_volume
from umit.queries import Language

SEED = 10_000_009  # from ten million on, seeds were never trained on
LANGUAGES: tuple[Language, ...] = ("en", "zh")
LABELS: dict[Language, tuple[str, ...]] = {
    "en": ("normal", "nodule", "cavity", "effusion", "consolidation", "enlarged heart"),
    "zh": ("正常", "结节", "空洞", "积液", "实变", "心影增大"),
}
QUESTION: dict[Language, str] = {"en": "Which finding does this chest film show?", "zh": "这张胸片显示哪种异常？"}
IS_THERE: dict[Language, tuple[str, tuple[str, str]]] = {
    "en": ("Is there nodule in this image?", ("yes", "no")),
    "zh": ("图像中有结节吗？", ("是", "否")),
}
TARGETS: dict[Language, tuple[str, str]] = {"en": ("nodule", "liver"), "zh": ("结节", "肝")}


def write_files(folder: Path) -> tuple[Path, Path, Path]:
    """Draw a chest film, a cephalogram and a CT, and save them as users have them."""
    film, skull, volume = draw_film(SEED, most=1), draw_cephalogram(SEED), draw_volume(SEED)
    film_path, skull_path = folder / "film.png", folder / "skull.png"
    Image.fromarray(film.pixels).save(film_path)
    Image.fromarray(skull.pixels).save(skull_path)
    stored = volume.voxels.transpose(2, 1, 0)  # NIfTI's order is x, y, z
    ct_path = folder / "abdomen.nii.gz"
    nibabel.save(nibabel.Nifti1Image(stored, np.array(volume.affine)), ct_path)
    print("truth:", [finding.kind for finding in film.findings], "on the film,", end=" ")
    print([lesion.organ for lesion in volume.lesions], "in the CT")
    return film_path, skull_path, ct_path


def show(model: UMIT, film: Path, skull: Path, ct: Path, language: Language) -> None:
    """Ask each verb once in one language."""
    (question, options), (finding, organ) = IS_THERE[language], TARGETS[language]
    answer = model.answer(film, question, options=options, language=language)
    print(language, "answer:   ", answer.text, answer.probabilities)
    labels = LABELS[language]
    label = model.classify(film, labels, question=QUESTION[language], language=language)
    print(language, "classify: ", label.label)
    print(language, "report:   ", model.report(film, language=language).text)
    found = model.detect(film, finding, language=language)
    print(language, "detect 2D:", [item.box.corners for item in found], found.presence)
    found = model.detect(ct, organ, language=language)
    print(language, "detect 3D:", [item.box.corners for item in found], found.presence)
    points = model.landmarks(skull, ("Sella", "Gonion"), language=language)
    print(language, "landmarks:", [(item.name, item.point.x, item.point.y) for item in points])


def main() -> None:
    model = UMIT.from_pretrained()
    with tempfile.TemporaryDirectory() as folder:
        film, skull, ct = write_files(Path(folder))
        for language in LANGUAGES:
            show(model, film, skull, ct, language)
    print(model.checkpoint.notice)


if __name__ == "__main__":
    main()
