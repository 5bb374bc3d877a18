"""What else is taught the same films: a small CNN and ResNet-18, from random weights, asked as a checkpoint is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from umit.chat import Completion, Request
from umit.checkpoints import Checkpoint
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.training import Augmentation
from umit.training.shown import Store

__all__ = ["NETS", "Trained", "fit"]

#: Pixels of a side that films are brought to: a pass of ResNet-18 then takes about as long as one of the checkpoint.
_SIDE: Final = 112
_RATE, _DECAY = 1e-3, 0.05  # of AdamW


def _cnn() -> nn.Module:
    """Four layers of 3 × 3, each halving the picture."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64), (64, 128)):
        convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1))


def _resnet() -> nn.Module:
    from torchvision.models import resnet18

    net: nn.Module = resnet18(weights=None, num_classes=1)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)  # grey
    return net


NETS: Final[Mapping[str, Callable[[], nn.Module]]] = {
    f"four-layer CNN, {_SIDE} px": _cnn,
    f"ResNet-18, {_SIDE} px": _resnet,
}


class Trained:
    """A baseline in an engine's place: it reads the first picture, and scores each option by the class that it names.

    Args:
        net: Its weights.
        label: The class whose logit it gives.
    """

    def __init__(self, net: nn.Module, label: str) -> None:
        self.net, self.label = net.eval(), label

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests, one by one."""
        for request in requests:
            with torch.inference_mode():
                logit = self.net(_batch([request.frames[0]]))[0, 0]
            texts = ["".join(map(str, option)) for option in request.options]
            signs = (1 if text.endswith(self.label) else -1 for text in texts)
            chances = [float(functional.logsigmoid(sign * logit)) for sign in signs]
            yield Completion(text=texts[int(np.argmax(chances))], option_logprobs=tuple(chances))


def fit(
    net: nn.Module, samples: Sequence[Sample[Any, Any]], card: Checkpoint, label: str, *,
    steps: int, batch: int, augment: Augmentation, seed: int = 0,
) -> Trained:  # fmt: skip
    """Teach a baseline.

    Args:
        net: Its random weights.
        samples: The films that the checkpoint is taught.
        card: Shows them as the checkpoint sees them.
        label: The class to tell from the other.
        steps: As many as the checkpoint's.
        batch: Likewise.
        augment: How its films are changed.
        seed: Of order and changes.
    """
    net, store = net.to(memory_format=torch.channels_last), Store(card)
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps, pct_start=0.05)
    truth = torch.tensor([float(one.gold.label == label) for one in samples])
    drawn = np.random.default_rng(seed)
    passes = -(-steps * batch // len(samples))
    places = np.concatenate([drawn.permutation(len(samples)) for _ in range(passes)])[: steps * batch]
    net.train()
    for step, some in enumerate(places.reshape(steps, batch)):
        number = step * batch // len(samples)
        changed = (augment(samples[int(place)], store, (seed, 2, number)) for place in some)
        frames = [next(asked(one, card.tasks))[0].frames[0] for one in changed]
        loss = functional.binary_cross_entropy_with_logits(net(_batch(frames))[:, 0], truth[torch.from_numpy(some)])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return Trained(net, label)


def _batch(frames: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Return grey pictures from 0 to 1, ``(B, 1, side, side)``."""
    grey = torch.from_numpy(np.stack([frame[..., 0] for frame in frames])).float()[:, None] / 255
    return functional.interpolate(grey, (_SIDE, _SIDE), mode="bilinear", antialias=True)
