"""Weights behind an OpenAI-compatible server: vLLM, SGLang, ``transformers serve``."""
