"""How checkpoints are made. Not part of the package that users install; run from a copy of the repository."""
