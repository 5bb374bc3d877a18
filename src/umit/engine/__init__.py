"""Weights and tokenizer in; frames to patches, words to ids, positions and masks."""
