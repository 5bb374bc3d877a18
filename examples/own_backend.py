"""A new engine is a class with one method; it needs no registry and no base class.

This one looks at no picture. It is the answer of a model that knows nothing, which is worth having
beside any real one. Research use only, not a medical device.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import umit
from umit import UMIT
from umit.chat import Completion, Request, spell
from umit.checkpoints import PHANTOM
from umit.phantom import draw_film


class Ignorant:
    """Calls every option equally likely, and finds everything in the middle."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests in their order, each when it is asked for."""
        for request in requests:
            if request.options:
                even = tuple(-math.log(len(request.options)) for _ in request.options)
                yield Completion(text=spell(request.options[0]), option_logprobs=even)
            else:
                yield Completion(text="<|box_start|>(256,256),(768,768)<|box_end|>")


def main() -> None:
    film = draw_film(10_000_009)
    scan = umit.load(film.pixels, axes="yx", spacing=film.spacing)
    model = UMIT(Ignorant(), PHANTOM)
    answer = model.answer(scan, "Is this film normal?", options=["yes", "no"])
    print(answer.text, answer.probabilities)
    for found in model.detect(scan, "nodule"):
        print(found.label, found.box.corners, "in pixels of a film of", scan.size)


if __name__ == "__main__":
    main()
