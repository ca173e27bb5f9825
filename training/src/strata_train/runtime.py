"""Reads a model folder with onnxruntime, the way the extension does: the yardstick for parity and int8 figures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from strata_train.events import UserError
from strata_train.export import read_manifest
from strata_train.model import ATTENTION_BOUND, shorten, unit_rows
from strata_train.text import TextEncoder


class FolderEncoder:
    """A model folder as encoder: token ids in, unit vectors of every exit out."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        """`threads`: texts that are read side by side, 0 for as many as there are processors."""
        self.manifest: dict[str, Any] = read_manifest(folder)
        if self.manifest["format"] == "segments-1":
            raise UserError(
                "model-other", f"{folder} holds segments of a ModularStarEncoder, which cannot be run here."
            )
        self.threads = threads or os.cpu_count() or 1
        self.kept_dims: int = self.manifest.get("keptDims", self.manifest["dims"])
        self.breadcrumb_weight: int = self.manifest.get("breadcrumbWeight", 1)
        self.text = TextEncoder.of(folder, self.manifest)
        self.max_code_tokens: int = self.manifest["tokenizer"]["maxTokens"]
        self.max_query_tokens: int = self.manifest["tokenizer"]["maxQueryTokens"]
        self.exits: list[int] = [exit["layer"] for exit in self.manifest["exits"]]
        self.residual = {exit["layer"]: exit.get("residual", 0.0) for exit in self.manifest["exits"]}
        self.segments: dict[int, onnxruntime.InferenceSession] = {}
        for exit in self.manifest["exits"]:
            if exit["kind"] == "table":
                self.table = read_table(folder / exit["file"], exit["rows"], self.manifest["dims"])
                self.count_power: float = exit.get("countPower", 1.0)
                self.attention = read_maps(folder, exit, "attention", self.manifest["dims"])
                self.block = read_maps(folder, exit, "block", self.manifest["dims"])
            else:
                options = onnxruntime.SessionOptions()
                options.intra_op_num_threads = 1  # threads that share a text wait for each other at every operator
                self.segments[exit["layer"]] = onnxruntime.InferenceSession(
                    str(folder / exit["file"]), options, providers=["CPUExecutionProvider"]
                )

    def tokens(self, texts: Sequence[str], *, is_query: bool) -> list[np.ndarray]:
        """Token ids of each text, cut as the product cuts them."""
        if is_query:
            return [np.array(self.text.encode_query(item, self.max_query_tokens)) for item in texts]
        return [np.array(self.text.encode_code("", item, self.max_code_tokens)) for item in texts]

    def encode(self, ids: Sequence[int] | np.ndarray, names: int = 0) -> dict[int, np.ndarray]:
        """The token ids of a text → (K,) of every exit: the dimensions that are kept.

        `names`: how many of them behind [CLS] are a breadcrumb's.
        """
        batch = np.asarray(ids, np.int64)[None]
        weights = np.ones_like(batch)
        weights[:, 1 : 1 + names] = self.breadcrumb_weight
        vectors = {0: self.encode_table([np.repeat(batch[0], weights[0])])}
        hidden = None
        for layer, session in self.segments.items():
            feed = {"input_ids": batch} if hidden is None else {"hidden": hidden}
            hidden, embedding = session.run(None, {**feed, "attention_mask": weights})
            vectors[layer] = unit_rows(embedding + self.residual[layer] * vectors[0])
        return {exit: shorten(rows, self.kept_dims)[0] for exit, rows in vectors.items()}

    def encode_all(self, sequences: list[np.ndarray]) -> dict[int, np.ndarray]:
        """Token-id sequences → (N, K) of every exit.

        One by one, as in the extension: what is quantised together shares a scale, so in a batch a text's vector would
        depend on its neighbours. It is no slower.
        """
        result = {exit: np.zeros((len(sequences), self.kept_dims), np.float32) for exit in self.exits}
        pool = ThreadPoolExecutor(self.threads)
        try:
            for row, vectors in enumerate(pool.map(self.encode, sequences)):
                for exit, vector in vectors.items():
                    result[exit][row] = vector
        finally:
            pool.shutdown(cancel_futures=True)  # a stop does not wait for all of them
        return result

    def encode_table(self, sequences: list[np.ndarray]) -> np.ndarray:
        """Token ids with [CLS] and [SEP] → (B, D) of exit 0, all its dimensions."""
        counted = [np.unique(ids[1:-1], return_counts=True) for ids in sequences]
        words = np.stack([self._words(tokens, counts**self.count_power) for tokens, counts in counted])
        if self.block is None:
            return words
        up, down = self.block
        return unit_rows(words + np.maximum(words @ up.T, 0) @ down.T)

    def _words(self, tokens: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Different tokens (T,) and how much each counts (T,) → the direction of their sum (D,)."""
        rows = self.table[tokens]
        words = unit_rows(weights.astype(np.float32)[None] @ rows)
        if self.attention is not None:
            ask, answer = self.attention
            found = unit_rows(rows) @ (answer @ (ask @ words[0]))
            loud = np.exp(np.clip(found, -ATTENTION_BOUND, ATTENTION_BOUND))
            words = unit_rows((weights * loud).astype(np.float32)[None] @ rows)
        return words[0]


def int8_cosines(folder: Path) -> dict[str, float]:
    """Mean cosine of the folder's vectors to the float32 ones of its parity file, by exit."""
    encoder = FolderEncoder(folder)
    cosines: dict[str, list[float]] = {}
    for case in json.loads((folder / "parity.json").read_text(encoding="utf-8"))["cases"]:
        vectors = encoder.encode(case["ids"], case.get("names", 0))
        for exit, expected in case["vectors"].items():
            if np.any(expected):
                kept = shorten(np.array([expected]), encoder.kept_dims)[0]
                cosines.setdefault(exit, []).append(float(np.dot(vectors[int(exit)], kept)))
    return {f"exit {exit}": round(float(np.mean(values)), 4) for exit, values in cosines.items()}


def read_table(file: Path, rows: int, dims: int) -> np.ndarray:
    """`exit0.bin` → (rows, dims) float32."""
    return _rows(file.read_bytes(), rows, dims)


def read_maps(folder: Path, exit: dict[str, Any], part: str, dims: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The attention or block of exit 0, if it has one, of size W → float32 (W, dims) there and (dims, W) back."""
    if (found := exit.get(part)) is None:
        return None
    data, width = (folder / found["file"]).read_bytes(), found["rank" if part == "attention" else "width"]
    return _rows(data, width, dims), _rows(data[width * (4 + dims) :], dims, width)


def _rows(data: bytes, rows: int, width: int) -> np.ndarray:
    """Float32 scales of the rows, then int8 → (rows, width) float32."""
    scales = np.frombuffer(data, "<f4", rows)
    return np.frombuffer(data, np.int8, rows * width, offset=4 * rows).reshape(rows, width) * scales[:, None]
