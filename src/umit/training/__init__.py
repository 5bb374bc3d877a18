"""Training: samples in, a checkpoint out, in the paper's two stages.

:func:`train` is the door. What it joins can be used alone: a sample becomes turns, turns on the same pictures are
packed into one row, rows become a batch, and a stage is trained on batches.
"""

from umit.training.adapters import Lora
from umit.training.augment import LIGHT, Augmentation
from umit.training.defaults import default_settings
from umit.training.finetune import train
from umit.training.hyperparameters import Hyperparameters
from umit.training.kept import Kept
from umit.training.rows import PackedRow, Turn, pack, turn, turns_of
from umit.training.stages import ALIGN, INSTRUCT, Stage, train_stage

__all__ = [
    "ALIGN", "INSTRUCT", "LIGHT", "Augmentation", "Hyperparameters", "Kept", "Lora", "PackedRow", "Stage", "Turn",
    "default_settings", "pack", "train", "train_stage", "turn", "turns_of",
]  # fmt: skip
