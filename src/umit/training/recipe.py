"""The name that hyperparameters had in umit's first releases: scripts that were written for them run as they are."""

from umit.training.hyperparameters import Hyperparameters as Recipe

__all__ = ["Recipe"]
