"""What else is taught the same films: a logistic regression, a small CNN and ResNet-18, asked as a checkpoint is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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

__all__ = ["NETS", "Net", "Trained", "fit"]

_BATCH: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """One baseline.

    Args:
        side: Pixels that films are brought to.
        make: Its random weights.
        rate: Peak learning rate of AdamW.
        decay: Its weight decay.
        passes: As a share of those that the checkpoint gets.
        augmented: Whether films are changed as the checkpoint's are.
    """

    side: int
    make: Callable[[], nn.Module]
    rate: float = 1e-3
    decay: float = 0.05
    passes: float = 1.0
    augmented: bool = True


def _linear(side: int = 28) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(side * side, affine=False), nn.Linear(side * side, 1))


def _cnn() -> nn.Module:
    """Four layers of 3 × 3, each halving the picture."""
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 32), (32, 64), (64, 128)):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1))


def _resnet() -> nn.Module:
    from torchvision.models import resnet18

    net: nn.Module = resnet18(weights=None, num_classes=1)
    net.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)  # grey
    return net


#: 112 pixels make a pass of ResNet-18 as long as one of the checkpoint.
NETS: Final = {
    "logistic regression, 28 px": Net(side=28, make=_linear, decay=1.0, augmented=False),
    "logistic regression, 28 px, augmented": Net(side=28, make=_linear, decay=1.0),
    "four-layer CNN, 112 px": Net(side=112, make=_cnn),
    "ResNet-18, 112 px": Net(side=112, make=_resnet),
}


class Trained:
    """A baseline in an engine's place: it reads the first picture, and scores each option by the class that it names.

    Args:
        net: Its weights.
        side: Pixels that films are brought to.
        label: The class whose logit it gives.
    """

    def __init__(self, net: nn.Module, side: int, label: str) -> None:
        self.net, self.side, self.label = net.eval(), side, label

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests, one by one."""
        for request in requests:
            with torch.inference_mode():
                logit = float(self.net(_batch([request.frames[0]], self.side)))
            texts = ["".join(map(str, option)) for option in request.options]
            chances = [float(functional.logsigmoid(torch.tensor(s * logit))) for s in map(self._sign, texts)]
            yield Completion(text=texts[int(np.argmax(chances))], option_logprobs=tuple(chances))

    def _sign(self, option: str) -> int:
        return 1 if option.endswith(self.label) else -1


def fit(
    what: Net, samples: Sequence[Sample[Any, Any]], card: Checkpoint, label: str, *,
    presented: int, augment: Augmentation, seed: int = 0,
) -> Trained:  # fmt: skip
    """Teach a baseline.

    Args:
        what: Which.
        samples: The films that the checkpoint is taught, as often.
        card: Shows them as the checkpoint sees them.
        label: The class to tell from the other.
        presented: Films that the checkpoint is shown, over all passes.
        augment: How its films are changed.
        seed: Of weights, order and changes.
    """
    torch.manual_seed(seed)
    net, store = what.make().to(memory_format=torch.channels_last), Store(card)
    steps = max(1, round(presented * what.passes / _BATCH))
    optimizer = torch.optim.AdamW(net.parameters(), lr=what.rate, weight_decay=what.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, what.rate, total_steps=steps, pct_start=0.05)
    truth = torch.tensor([float(one.gold.label == label) for one in samples])
    drawn = np.random.default_rng(seed)
    orders = (drawn.permutation(len(samples)) for _ in range(-(-steps * _BATCH // len(samples))))
    places = np.concatenate(list(orders))[: steps * _BATCH]
    net.train()
    for step, some in enumerate(places.reshape(steps, _BATCH)):
        number = step * _BATCH // len(samples)
        films = [samples[int(place)] for place in some]
        changed = [augment(one, store, (seed, 2, number)) for one in films] if what.augmented else films
        frames = [next(asked(one, card.tasks))[0].frames[0] for one in changed]
        logits = net(_batch(frames, what.side))[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, truth[torch.from_numpy(some)])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return Trained(net, what.side, label)


def _batch(frames: Sequence[NDArray[np.uint8]], side: int) -> Tensor:
    """Return grey pictures from 0 to 1, ``(B, 1, side, side)``."""
    grey = torch.from_numpy(np.stack([frame[..., 0] for frame in frames])).float()[:, None] / 255
    return functional.interpolate(grey, (side, side), mode="bilinear", antialias=True)
