"""Evaluation that survives being killed: every answer in a journal, every number from the journal alone."""
