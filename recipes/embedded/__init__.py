"""How the embedded checkpoint is made: ``python -m recipes.embedded``.

The table of stages is :mod:`recipes.embedded.stages`; what each stage draws and asks,
:mod:`recipes.embedded.batches` and :mod:`recipes.embedded.questions`; how the first five stages teach,
:mod:`recipes.embedded.coordinates` and :mod:`recipes.embedded.attention`.
"""
