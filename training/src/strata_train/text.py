"""Text preparations and the tokenizer. Defined in `models/README.md`; mirrored in TypeScript.

A preparation is part of the model: a change here needs a new name in the manifest and a new model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import regex
import torch
from tokenizers import Tokenizer

PREPARATIONS = ("split-identifiers-1", "split-identifiers-2")
PREPARATION = PREPARATIONS[-1]  # of new models; it leaves out of code what it imports

_RUN = regex.compile(r"[\p{L}\p{N}_]+")
# Where a run of letters, digits and underscores is split: at underscores, fooBar, HTTPServer, utf8 and 8bit.
_BORDER = regex.compile(
    r"_+|(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})",
    regex.V1,  # version 1 splits at zero-width matches too
)
# ECMAScript's \s, spelled out: Python's differs at U+001C to U+001F, U+0085 and U+FEFF.
_NAMES = r"[A-Za-z0-9_.*]+(?:[ \t]*,[ \t]*[A-Za-z0-9_.*]+)*"
# Rows that say what a file imports or belongs to, whatever its language.
_IMPORT_ROWS = regex.compile(
    r"(?<![^\n])[ \t]*(?:"
    + "|".join(
        (
            rf"import[ \t]+(?:static[ \t]+)?{_NAMES}(?:[ \t]+as[ \t]+[A-Za-z0-9_]+)?;?",
            r"import[ \t]+[^\n\"']*[\"'][^\n]*",
            r"from[ \t]+[A-Za-z0-9_.]+[ \t]+import[ \t][^\n]*",
            r"using[ \t]+(?:(?:static|namespace)[ \t]+)?[A-Za-z0-9_.]+;",
            r"(?:package|namespace)[ \t]+[A-Za-z0-9_.\\]+;?",
            r"use[ \t]+[A-Za-z0-9_:\\{}, *]+;",
            r"(?:require|require_relative|require_once|include_once)[ \t]*\(?[\"'][^\n]*",
            r"#[ \t]*include[ \t]*[<\"][^\n]*",
            r"<\?php",
        )
    )
    + r")[ \t\r]*(?:\n|(?![^\n]))"
)
_SPACE = regex.compile(r"[\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]+")


def split_identifier(run: str) -> str:
    """`parseHTTPHeader_v2` → `parse HTTP Header v 2`."""
    return " ".join(part for part in _BORDER.split(run) if part)


def prepare(text: str) -> str:
    """Steps 1 and 2 of the preparation: split identifiers, collapse white space."""
    return _SPACE.sub(" ", _RUN.sub(lambda match: split_identifier(match[0]), text)).strip(" ")


def without_imports(body: str) -> str:
    """Code without the rows that say what it imports, unless there are no others."""
    rest = _IMPORT_ROWS.sub("", body)
    return rest if rest.strip(" \t\r\n") else body


def chunk_text(breadcrumb: str, body: str) -> str:
    """What stands for a chunk of code: its breadcrumb, then the code."""
    return f"{breadcrumb}\n{body}" if breadcrumb else body


class TextEncoder:
    """Prepared text → token ids, exactly as the extension does it."""

    def __init__(
        self,
        tokenizer_file: Path,
        query_instruction: str = "",
        code_instruction: str = "",
        preparation: str = PREPARATION,
    ) -> None:
        self.preparation = preparation
        self.tokenizer_file = tokenizer_file
        self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.query_instruction = query_instruction
        self.code_instruction = code_instruction
        self.cls_id: int = self.tokenizer.token_to_id("[CLS]")
        self.sep_id: int = self.tokenizer.token_to_id("[SEP]")
        self.pad_id: int = self.tokenizer.token_to_id("[PAD]")

    @staticmethod
    def of(folder: Path, manifest: dict[str, Any]) -> TextEncoder:
        """As the model of a folder was made for."""
        instructions = manifest["instructions"]
        file = folder / manifest["tokenizer"]["file"]
        return TextEncoder(file, instructions["query"], instructions["code"], manifest["textPreparation"])

    @property
    def vocabulary_size(self) -> int:
        return self.tokenizer.get_vocab_size()

    def encode_query(self, query: str, max_tokens: int) -> list[int]:
        return self.encode_prepared([prepare(self.query_instruction + query)], max_tokens)[0]

    def encode_code(self, breadcrumb: str, body: str, max_tokens: int) -> list[int]:
        return self.encode_prepared([self.prepared_code(breadcrumb, body)], max_tokens)[0]

    def prepared_code(self, breadcrumb: str, body: str) -> str:
        body = body if self.preparation == "split-identifiers-1" else without_imports(body)
        return prepare(self.code_instruction + chunk_text(breadcrumb, body))

    def names_in_front(self, breadcrumb: str, max_tokens: int) -> int:
        """How many of `encode_code`'s ids behind `[CLS]` are the breadcrumb's."""
        return len(self.encode_code(breadcrumb, "", max_tokens)) - 2 if breadcrumb else 0

    def encode_prepared(self, prepared: Sequence[str], max_tokens: int) -> list[list[int]]:
        """Ids with `[CLS]` and `[SEP]`, cut to `max_tokens` including both."""
        encodings = self.tokenizer.encode_batch_fast(list(prepared), add_special_tokens=False)
        return [[self.cls_id, *encoding.ids[: max_tokens - 2], self.sep_id] for encoding in encodings]


def pad(sequences: Sequence[Sequence[int] | np.ndarray], pad_id: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of different lengths → `input_ids` and `attention_mask`, both int64 (B, S)."""
    length = max(len(sequence) for sequence in sequences)
    ids = np.full((len(sequences), length), pad_id, dtype=np.int64)
    mask = np.zeros((len(sequences), length), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
    return torch.from_numpy(ids), torch.from_numpy(mask)
