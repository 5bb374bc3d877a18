"""transformers, in this process."""
