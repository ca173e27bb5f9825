"""Trainable weights from a shipped model folder: the int8 initialisers of its ONNX files, made float again.

The folder carries no second copy of the weights. Rounding once more after training is harmless: a weight that was not
trained rounds to the same integer, because each row's largest value is kept exactly.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper

from strata_train.config import ModelConfig
from strata_train.events import UserError
from strata_train.export import (
    fingerprint,
    folder_whole,
    format_of,
    read_manifest,
    segment_graph,
    write_manifest,
    write_parity,
)
from strata_train.model import PRODUCT_LEVELS, MultiExitEncoder
from strata_train.runtime import read_maps, read_table
from strata_train.text import PREPARATIONS, TextEncoder


def read_model(folder: Path) -> MultiExitEncoder:
    """A `MultiExitEncoder` that computes what the folder's files compute, but for int8 activations."""
    manifest = read_manifest(folder)
    arrays: dict[str, np.ndarray] = {}
    heads = 0
    for exit in manifest["exits"]:
        if exit["kind"] == "onnx":
            graph = onnx.load(str(folder / exit["file"])).graph
            arrays |= {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
            heads = heads or _attribute(graph, "MultiHeadAttention", "num_heads")
    try:
        config = _config(manifest, arrays, heads)
        model = MultiExitEncoder(config)
        state = _state(arrays, config)
        if model.table is not None:
            entry = manifest["exits"][0]
            rows = read_table(folder / entry["file"], entry["rows"], manifest["dims"])
            state["table.table.weight"] = torch.from_numpy(rows)
            for part, places in (("attention", (0, 1)), ("block", (0, 2))):
                if (maps := read_maps(folder, entry, part, manifest["dims"])) is not None:
                    state |= {
                        f"table.{part}.{place}.weight": torch.from_numpy(matrix)
                        for place, matrix in zip(places, maps, strict=True)
                    }
        missing, unexpected = model.load_state_dict(state, strict=False)
    except (KeyError, RuntimeError, ValueError) as error:
        raise UserError("model-untrainable", f"The model in {folder} was not made by this package: {error}.") from error
    allowed = ("table.weight", "table.head.weight", ".head.weight", "embeddings.segment")
    if unexpected or any(not name.endswith(allowed) for name in missing):
        raise UserError("model-untrainable", f"The model in {folder} lacks weights: {', '.join(missing + unexpected)}.")
    return model


def renew(
    folder: Path,
    out: Path,
    version: str,
    kept_dims: int = 0,
    breadcrumb_weight: int = 0,
    text_preparation: str = "",
    top_residual: float | None = None,
) -> dict[str, Any]:
    """The model of a folder with the graphs that this package writes now: the same integers, exit 0 and parity file.

    `kept_dims`: so many dimensions of its vectors are kept in an index, one of the widths that are usable alone; 0 for
    as many as before. `breadcrumb_weight`: each token of a breadcrumb counts as so many; 0 for as many as before.
    `text_preparation`: one of `text.PREPARATIONS`; "" for the same as before. `top_residual`: the share of exit
    0 in the top; None for the same as before. With any of these the parity file holds what the model's integers say in
    float32.
    """
    manifest, model = read_manifest(folder), read_model(folder).eval()
    if kept_dims and kept_dims not in manifest["matryoshka"]:
        widths = ", ".join(map(str, manifest["matryoshka"]))
        raise UserError("width-unusable", f"{kept_dims} dimensions of {folder} are not usable alone; {widths} are.")
    if breadcrumb_weight not in range(101):
        raise UserError("weight-unusable", f"A breadcrumb's token can count as 1 to 100, not as {breadcrumb_weight}.")
    if text_preparation not in ("", *PREPARATIONS):
        known = ", ".join(PREPARATIONS)
        raise UserError("preparation-unknown", f"There is no text preparation {text_preparation}; there are {known}.")
    if top_residual is not None and not 0 <= top_residual <= 1:
        raise UserError("share-unusable", f"The share of exit 0 in the top can be 0 to 1, not {top_residual:g}.")
    with folder_whole(out, folder) as work:
        for name in manifest["files"]:
            shutil.copyfile(folder / name, work / name)
        for exit in manifest["exits"]:
            if exit["kind"] == "onnx":
                onnx.save(segment_graph(model, exit["from"], exit["layer"]), str(work / exit["file"]))
        if kept_dims:
            manifest["keptDims"] = kept_dims
        if breadcrumb_weight:
            model.config = replace(model.config, breadcrumb_weight=breadcrumb_weight)
            manifest |= {"format": format_of(model.config), "breadcrumbWeight": breadcrumb_weight}
        if text_preparation:
            manifest["textPreparation"] = text_preparation
        if top_residual is not None:
            model.config = replace(model.config, top_residual=top_residual)
            manifest["exits"][-1]["residual"] = top_residual
        if breadcrumb_weight or text_preparation or top_residual is not None:
            write_parity(work, model, TextEncoder.of(folder, manifest), manifest["exits"])
        files = {name: fingerprint(work / name) for name in manifest["files"]}
        manifest |= {"version": version, "files": files, "quality": {}}  # what was measured, was so of other graphs
        write_manifest(work, manifest)
    return manifest


def unround(model: MultiExitEncoder, start: MultiExitEncoder) -> set[str]:
    """Give back to the trunk of a folder's model the floats of the start wherever the folder only rounded them.

    Returns which weights that were. So a trunk that was never trained is exported again from its own floats, not
    from what an earlier export had rounded.
    """
    exact = start.state_dict()
    found: set[str] = set()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not name.startswith(("embeddings.", "layers.")) or weight.shape != exact[name].shape:
                continue
            source = exact[name]
            row = source.abs().amax(dim=-1, keepdim=True) if source.ndim == 2 else source.abs()
            # Half a step of the coarsest rounding, and what float32 adds.
            if bool(((weight - source).abs() <= row * (0.51 / PRODUCT_LEVELS) + 1e-6).all()):
                weight.copy_(source)
                found.add(name)
    return found


def _config(manifest: dict[str, Any], arrays: dict[str, np.ndarray], heads: int) -> ModelConfig:
    exits = tuple(exit["layer"] for exit in manifest["exits"])
    between = [exit for exit in exits if 0 < exit < exits[-1]]
    private = {name.split(".")[3] for name in arrays if between and name.startswith(f"exits.{between[0]}.layers.")}
    block = arrays.get(f"exits.{between[0]}.block.0.weight") if between else None
    vocabulary, hidden = arrays["embeddings.word.weight"].shape
    residual = {exit["layer"]: exit.get("residual", 0.0) for exit in manifest["exits"]}
    return ModelConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        layers=exits[-1],
        heads=heads,
        intermediate_size=arrays["layers.0.up.weight"].shape[1],
        max_positions=arrays["embeddings.position.weight"].shape[0],
        dims=manifest["dims"],
        exits=exits,
        matryoshka=tuple(manifest["matryoshka"]),
        kept_dims=manifest.get("keptDims", 0),
        breadcrumb_weight=manifest.get("breadcrumbWeight", 1),
        exit_layers=len(private),
        exit_block=0 if block is None else block.shape[1],
        exit_residual=residual[between[0]] if between else 0.0,
        top_residual=residual[exits[-1]],
        count_power=manifest["exits"][0].get("countPower", 1.0),
        table_block=manifest["exits"][0].get("block", {}).get("width", 0),
        table_attention=manifest["exits"][0].get("attention", {}).get("rank", 0),
        exit_gate=any(name.endswith(".gate.weight") for name in arrays),
    )


def _state(arrays: dict[str, np.ndarray], config: ModelConfig) -> dict[str, torch.Tensor]:
    """Initialisers → state dict. Matrices lie in the graph as (in, out); the word table as (rows, H)."""
    state: dict[str, torch.Tensor] = {"embeddings.segment": torch.zeros(config.hidden_size)}
    for name, array in arrays.items():
        if name.endswith((".scale", ".zero")) or not name.startswith(("embeddings.", "layers.", "exits.")):
            continue
        value = array.astype(np.float32)
        if f"{name}.scale" in arrays:
            value = value * arrays[f"{name}.scale"]
        if value.ndim == 2 and not name.startswith("embeddings."):
            value = value.T
        state[name] = torch.from_numpy(np.ascontiguousarray(value))
    return state


def _attribute(graph: onnx.GraphProto, kind: str, name: str) -> int:
    for node in graph.node:
        if node.op_type == kind:
            return next(attribute.i for attribute in node.attribute if attribute.name == name)
    return 0
