"""A language model of half a megabyte: a llama of two layers with random weights.

Its tokens are the 256 bytes and three marks of a chat. What it writes means nothing. But it is a
real model: llama.cpp serves it, and where it is held to a JSON Schema it writes values of that.
The file's format is https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gguf
import numpy as np

CONTEXT = 32768
WIDTH, INNER, LAYERS, HEADS = 64, 128, 2, 4
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END = 256 + SPECIAL.index("<|im_end|>")
TOKENS = 256 + len(SPECIAL)
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LIKED = {'"': 0.75, "]": 0.6, "}": 0.6, ",": -0.1, "\\": -0.4}
"""How much more, or less, likely some characters are: strings and lists have an end."""
NEVER = -10
UNLIKED = slice(128, 256)
"""Bytes that are no characters by themselves: llama.cpp answers broken UTF-8 with an error."""


def write(file: Path, seed: int, *, ends: bool = True) -> None:
    """Write the model whose weights this seed gives.

    ends: whether it ends an answer by itself
    """
    writer = gguf.GGUFWriter(file, "llama")
    _describe(writer)
    _add_tokens(writer)
    for name, weights in _tensors(np.random.default_rng(seed), 1 if ends else NEVER):
        writer.add_tensor(name, weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_chat_template(CHAT)


def _add_tokens(writer: gguf.GGUFWriter) -> None:
    writer.add_vocab_size(TOKENS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*_bytes(), *SPECIAL])
    kinds = [gguf.TokenType.NORMAL] * 256 + [gguf.TokenType.CONTROL] * len(SPECIAL)
    writer.add_token_types(kinds)
    writer.add_token_merges(["Ġ t"])  # the tokenizer wants one
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(False)


def _bytes() -> list[str]:
    """GPT-2's character for each byte: those that can't be seen have one from 256 on."""
    seen = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in seen else next(others)) for byte in range(256)]


def _tensors(random: np.random.Generator, end: float) -> Iterator[tuple[str, np.ndarray]]:
    """All weights, by llama.cpp's names. end: how much more likely it is to end an answer"""

    def matrix(rows: int, columns: int = WIDTH) -> np.ndarray:
        return random.standard_normal((rows, columns)) * 0.15

    embedding = random.standard_normal((TOKENS, WIDTH))
    embedding[:, 0] = 10  # the same for all, so that the head's first column is a bias
    yield "token_embd.weight", embedding
    yield "output_norm.weight", np.ones(WIDTH)
    yield "output.weight", _head(matrix(TOKENS), end)
    for layer in range(LAYERS):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{name}.weight", np.ones(WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{name}.weight", matrix(WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            yield f"blk.{layer}.{name}.weight", matrix(INNER)
        yield f"blk.{layer}.ffn_down.weight", matrix(WIDTH, INNER)


def _head(weights: np.ndarray, end: float) -> np.ndarray:
    weights[:, 0] = 0
    for character, bias in LIKED.items():
        weights[ord(character), 0] = bias
    weights[UNLIKED, 0] = -1.5
    weights[256:, 0] = NEVER
    weights[END, 0] = end
    return weights
