"""The one chat form as a template, for servers: no system block that was not sent, pictures where they were sent."""

from __future__ import annotations

from typing import Final

__all__ = ["TEMPLATE"]

#: What :func:`umit.chat.prompt` writes; in one line and without single quotes, so that it can stand in a command.
TEMPLATE: Final = (
    "{%- for message in messages -%}"
    '{{- "<|im_start|>" + message["role"] + "\\n" -}}'
    '{%- if message["content"] is string -%}{{- message["content"] -}}'
    '{%- else -%}{%- for content in message["content"] -%}'
    '{%- if content["type"] == "image" or "image" in content or "image_url" in content -%}'
    '{{- "<|vision_start|><|image_pad|><|vision_end|>" -}}'
    '{%- elif "text" in content -%}{{- content["text"] -}}{%- endif -%}'
    "{%- endfor -%}{%- endif -%}"
    '{{- "<|im_end|>\\n" -}}'
    "{%- endfor -%}"
    '{%- if add_generation_prompt -%}{{- "<|im_start|>assistant\\n" -}}{%- endif -%}'
)
