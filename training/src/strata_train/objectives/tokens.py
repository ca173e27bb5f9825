"""Tokenizers of a ModularStarEncoder: raw code in, as the published model reads it; no identifier is split.

A published checkpoint's config names the marks <sep>, <cls>, <mask> and the padding; a new model takes its tokenizer's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strata_train.events import UserError
from strata_train.objectives.packing import SpecialTokens

if TYPE_CHECKING:
    from strata_train.modular_starencoder import ModularStarEncoderConfig

MARKS = {
    "pad": ("<pad>", "[PAD]", "<|endoftext|>"),  # StarCoder-2 has no mark for padding
    "sep": ("<sep>", "[SEP]"),
    "cls": ("<cls>", "[CLS]"),
    "mask": ("<mask>", "[MASK]"),
}


class RawTokens:
    """A tokenizer file as text → ids. Marks that are written out in the text are left out: they would pass for ours."""

    def __init__(self, file: Path) -> None:
        from tokenizers import Tokenizer

        try:
            self.tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing more precise
            raise UserError("tokenizer-unreadable", f"The tokenizer {file} cannot be read: {error}.") from error
        self.file = file
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.marks: frozenset[int] = frozenset()

    def take_marks(self, config: ModularStarEncoderConfig) -> SpecialTokens:
        """The marks of the model that these tokens are for."""
        if self.tokenizer.get_vocab_size() > config.vocab_size:
            raise UserError(
                "other-tokenizer",
                f"{self.file} has {self.tokenizer.get_vocab_size()} tokens, the model {config.vocab_size}; "
                "take the tokenizer that the model was trained with.",
            )
        special = SpecialTokens(config.pad_id, config.sep_id, config.cls_id, config.mask_id)
        self.marks = frozenset(special.ids)
        return special

    def encode(self, text: str) -> list[int]:
        ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return [number for number in ids if number not in self.marks]


def special_tokens(tokenizer: Any) -> SpecialTokens:
    """The marks of a tokenizer, in either face's spelling; BERT's tokenizers put `[CLS]` first."""
    found: dict[str, int] = {}
    for kind, spellings in MARKS.items():
        ids = [tokenizer.token_to_id(mark) for mark in spellings]
        known = [number for number in ids if number is not None]
        if not known:
            raise UserError("no-marks", f"The tokenizer has neither {spellings[0]} nor {spellings[1]}.")
        found[kind] = known[0]
    return SpecialTokens(**found, cls_first=tokenizer.token_to_id("[CLS]") is not None)


def train_tokenizer(texts: Iterable[str], vocab_size: int, file: Path) -> int:
    """Byte-level BPE, which reads any text; the marks are the last ids, as `ModularStarEncoderConfig.small` expects.

    Returns how many tokens there are: a small corpus has fewer than asked for.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    marks = [spellings[0] for spellings in MARKS.values()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    least = len(alphabet) + len(marks)
    if vocab_size < least:
        raise UserError("vocabulary-small", f"A vocabulary must hold every byte and the marks: {least} or more.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size - len(marks), initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(marks)
    file.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(file))
    return tokenizer.get_vocab_size()
