"""Writes a model folder as `models/README.md` defines it, and reads its weights back for fine-tuning.

The ONNX graphs are built by hand, one operator after the other, for three reasons: initialisers keep the names of the
PyTorch weights (so that a shipped int8 folder can be trained further), matrix products are int8 from the start (int8
weights per output channel, activations quantised as they come), and onnxruntime's fused operators are used directly
instead of hoping that its optimiser finds them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from strata_train import __version__, data
from strata_train.config import ModelConfig
from strata_train.events import UserError, reason
from strata_train.model import PRODUCT_LEVELS, LayerExit, MultiExitEncoder, Product
from strata_train.parity import PARITY_CASES
from strata_train.text import TextEncoder, pad, prepare

OPSET = 18
LAST = np.iinfo(np.int64).max  # the end of an axis, for Slice
MAX_CODE_TOKENS = 256
MAX_QUERY_TOKENS = 64
# Least cosine of the shipped int8 files to PyTorch's float32 vectors. The table is only rounded; the layers also
# quantise their activations.
TOLERANCE = {"table": 0.999, "onnx": 0.985}


# --- quantisation -----------------------------------------------------------------------------------------------------


def quantise_rows(matrix: np.ndarray, levels: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """(R, C) float → int8 (R, C) in ±`levels` and float32 scales (R,): scale · int8 ≈ matrix. Zero rows get scale 0."""
    scales = (np.abs(matrix).max(axis=1) / levels).astype(np.float32)
    safe = np.where(scales > 0, scales, 1)
    return np.clip(np.rint(matrix / safe[:, None]), -levels, levels).astype(np.int8), scales


def packed_rows(matrix: torch.Tensor) -> bytes:
    """(R, C) as exit 0's files keep it: float32 scales of the rows, then int8."""
    rows, scales = quantise_rows(matrix.detach().numpy())
    return scales.astype("<f4").tobytes() + rows.tobytes()


# --- graph ------------------------------------------------------------------------------------------------------------


class GraphBuilder:
    """Collects nodes and initialisers. Methods return the name of the value they make."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._known: set[str] = set()

    def constant(self, name: str, value: np.ndarray) -> str:
        if name not in self._known:
            self._known.add(name)
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any) -> str:
        output = name or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], domain=domain, **attributes))
        return output

    def fused(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.op(kind, *inputs, domain="com.microsoft", **attributes)

    def linear(self, x: str, name: str, layer: Product) -> str:
        """int8 x · W + b. Initialisers `<name>.weight` (in, out) int8, `<name>.weight.scale` (out,), `<name>.bias`."""
        weight, scale = quantise_rows(layer.weight.detach().float().numpy(), PRODUCT_LEVELS)
        inputs = [
            x,
            self.constant(f"{name}.weight", weight.T),
            self.constant(f"{name}.weight.scale", scale),
            self.constant(f"{name}.weight.zero", np.zeros(scale.shape, np.int8)),
        ]
        if layer.bias is not None:
            inputs.append(self.constant(f"{name}.bias", layer.bias.detach().float().numpy()))
        return self.fused("DynamicQuantizeMatMul", *inputs)

    def norm_parameters(self, name: str, norm: torch.nn.LayerNorm) -> tuple[str, str]:
        return (
            self.constant(f"{name}.weight", norm.weight.detach().float().numpy()),
            self.constant(f"{name}.bias", norm.bias.detach().float().numpy()),
        )

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], name: str
    ) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.initializers)
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(
            graph, opset_imports=imports, ir_version=9, producer_name="strata_train", producer_version=__version__
        )


def segment_graph(model: MultiExitEncoder, start: int, end: int) -> onnx.ModelProto:
    """The layers between the exits `start` and `end`, and the exit at `end`; with the embeddings when `start` is 0.

    For texts without padding: attention looks at every token. `attention_mask` says only how much each one counts in
    the mean over tokens.
    """
    config = model.config
    g = GraphBuilder()
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "sequence"])
    hidden_shape = ["batch", "sequence", config.hidden_size]
    if start == 0:
        first = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"])
        x = _embeddings(g, model)
    else:
        first = helper.make_tensor_value_info("hidden", TensorProto.FLOAT, hidden_shape)
        x = "hidden"
    for index in range(config.shared_layers(start) if start else 0, config.shared_layers(end)):
        x = _layer(g, f"layers.{index}", model.layers[index], config, x)
    hidden_out = "hidden_out" if start else "hidden"  # an ONNX output may not share its name with an input
    g.op("Identity", x, name=hidden_out)
    for index, layer in enumerate(model.exits[str(end)].layers):
        x = _layer(g, f"exits.{end}.layers.{index}", layer, config, x)
    _exit(g, f"exits.{end}", model.exits[str(end)], x)
    outputs = [
        helper.make_tensor_value_info(hidden_out, TensorProto.FLOAT, hidden_shape),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", config.dims]),
    ]
    result = g.model([first, mask], outputs, f"segment-{start}-{end}")
    onnx.checker.check_model(result)
    return result


def _embeddings(g: GraphBuilder, model: MultiExitEncoder) -> str:
    table, scale = quantise_rows(model.embeddings.word.weight.detach().float().numpy())
    rows = g.op("Gather", g.constant("embeddings.word.weight", table), "input_ids")  # (B, S, H) int8
    scales = g.op("Gather", g.constant("embeddings.word.weight.scale", scale[:, None]), "input_ids")  # (B, S, 1)
    words = g.op("Mul", g.op("Cast", rows, to=TensorProto.FLOAT), scales)
    # The one segment is folded into the positions.
    positions = (model.embeddings.position.weight + model.embeddings.segment).detach().float().numpy()
    length = g.op("Slice", g.op("Shape", "input_ids"), *[g.constant(f"int.{v}", np.array([v])) for v in (1, 2, 0)])
    place = g.op("Slice", g.constant("embeddings.position.weight", positions), "int.0", length, "int.0")  # (S, H)
    norm = g.norm_parameters("embeddings.norm", model.embeddings.norm)
    return g.op("LayerNormalization", g.op("Add", words, place), *norm, axis=-1, epsilon=model.config.layer_norm_eps)


def _layer(g: GraphBuilder, name: str, layer: torch.nn.Module, config: ModelConfig, x: str) -> str:
    qkv = g.linear(x, f"{name}.qkv", layer.qkv)  # (B, S, 3H)
    thirds = [f"{name}.q", f"{name}.k", f"{name}.v"]
    split = g.constant("int.thirds", np.array([config.hidden_size] * 3))
    g.nodes.append(helper.make_node("Split", [qkv, split], thirds, axis=-1))
    # Without a mask: texts are read one by one (a twentieth less time for a long one).
    attended = g.fused("MultiHeadAttention", *thirds, num_heads=config.heads)
    x = _add_and_norm(g, g.linear(attended, f"{name}.out", layer.out), x, f"{name}.norm1", layer.norm1)
    # The whole of what is quantised shares one scale, and [CLS] is some eight times as large as the rest here: alone.
    ends = [g.constant(f"int.{end}", np.array([end])) for end in (0, 1, LAST)]
    parts = [g.op("Slice", x, *border, ends[1]) for border in (ends[:2], ends[1:])]  # (B, 1, H) and (B, S - 1, H)
    fed = [_feed_forward(g, name, layer, part) for part in parts]
    return _add_and_norm(g, g.op("Concat", *fed, axis=1), x, f"{name}.norm2", layer.norm2)


def _feed_forward(g: GraphBuilder, name: str, layer: torch.nn.Module, x: str) -> str:
    return g.linear(g.fused("Gelu", g.linear(x, f"{name}.up", layer.up)), f"{name}.down", layer.down)


def _add_and_norm(g: GraphBuilder, x: str, residual: str, name: str, norm: torch.nn.LayerNorm) -> str:
    # Not onnxruntime's fused SkipLayerNormalization, whose plain loop takes six times as long, nor Add, from which its
    # optimiser would make one.
    total = g.op("Sum", x, residual)
    return g.op("LayerNormalization", total, *g.norm_parameters(name, norm), axis=-1, epsilon=norm.eps)


def _exit(g: GraphBuilder, name: str, exit: LayerExit, hidden: str) -> str:
    if exit.block is not None:
        wide = g.fused("Gelu", g.linear(hidden, f"{name}.block.0", exit.block[0]))
        hidden = g.op("Add", hidden, g.linear(wide, f"{name}.block.2", exit.block[2]))
    axis = [g.constant(f"int.{value}", np.array([value])) for value in (1, 2)]
    weights = g.op("Unsqueeze", g.op("Cast", "attention_mask", to=TensorProto.FLOAT), axis[1])  # (B, S, 1)
    if exit.gate is not None:
        gate = g.constant(f"{name}.gate.weight", exit.gate.weight.detach().float().numpy().T)
        logits = g.op(
            "Add", g.op("MatMul", hidden, gate), g.constant(f"{name}.gate.bias", exit.gate.bias.detach().numpy())
        )
        weights = g.op("Mul", weights, g.op("Exp", logits))
    total = g.op("ReduceSum", g.op("Mul", hidden, weights), axis[0], keepdims=0)  # (B, H)
    pooled = g.op("Div", total, g.op("ReduceSum", weights, axis[0], keepdims=0))
    head = exit.head.weight.detach().float()
    if not torch.equal(head, torch.eye(*head.shape)):
        pooled = g.op("MatMul", pooled, g.constant(f"{name}.head.weight", head.numpy().T))
    length = g.op("ReduceL2", pooled, axis[0], keepdims=1)
    return g.op("Div", pooled, g.op("Max", length, g.constant("tiny", np.array(1e-12, np.float32))), name="embedding")


# --- the folder -------------------------------------------------------------------------------------------------------


def check_out(out: Path, start: Path | None = None) -> None:
    """Refuse what must not be replaced by a model folder: `start`, what it lies in, and anything but a model folder."""
    if start is not None and start.resolve().is_relative_to(out.resolve()):
        raise UserError("out-is-start", f"{out} holds the model to begin with; choose another folder to write to.")
    if out.exists() and not (out.is_dir() and (_is_model_folder(out) or not any(out.iterdir()))):
        raise UserError(
            "out-foreign", f"{out} is no model folder and would be replaced; choose an empty or a new folder."
        )


def _is_model_folder(folder: Path) -> bool:
    try:
        return "exits" in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


@contextmanager
def folder_whole(out: Path, start: Path | None = None) -> Iterator[Path]:
    """As `folder_written_whole`, for a model folder: refuses what `check_out` refuses."""
    check_out(out, start)
    with data.folder_written_whole(out) as work:
        yield work


def export_folder(
    model: MultiExitEncoder,
    text: TextEncoder,
    out: Path,
    *,
    id: str,
    version: str = "1.0.0",
    description: str,
    shared_space: bool,
    quality: dict[str, Any] | None = None,
    made_from: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write every file of the contract and return the manifest. The folder appears whole or not at all.

    `made_from`: the manifest of the folder that fine-tuning began with.
    """
    model = model.eval().cpu().float()
    config = model.config
    with folder_whole(out) as work:
        exits: list[dict[str, Any]] = []
        names: list[str] = ["tokenizer.json"]
        _write_tokenizer(text.tokenizer_file, work / "tokenizer.json")
        if model.table is not None:
            (work / "exit0.bin").write_bytes(packed_rows(model.table.folded()))
            shape: dict[str, Any] = {"rows": config.vocab_size, "countPower": config.count_power}
            names.append("exit0.bin")
            for part, maps, size in (
                ("attention", model.table.attention, {"rank": config.table_attention}),
                ("block", model.table.block, {"width": config.table_block}),
            ):
                if maps is not None:
                    file = f"exit0-{part}.bin"
                    (work / file).write_bytes(packed_rows(maps[0].weight) + packed_rows(maps[-1].weight))
                    shape[part] = {"file": file, **size}
                    names.append(file)
            exits.append({"layer": 0, "kind": "table", "file": "exit0.bin", **shape})
        depths = [0, *(depth for depth in config.exits if depth > 0)]
        for start, end in zip(depths, depths[1:], strict=False):
            name = f"segment-{start}-{end}.onnx"
            onnx.save(segment_graph(model, start, end), str(work / name))
            exits.append({"layer": end, "kind": "onnx", "file": name, "from": start, "residual": config.residual(end)})
            names.append(name)
        write_parity(work, model, text, exits)
        names.append("parity.json")
        manifest = {
            "format": format_of(config),
            "id": id,
            "version": version,
            "license": "Apache-2.0",
            "description": description,
            **({"madeFrom": {key: made_from[key] for key in ("id", "version")}} if made_from else {}),
            "tokenizer": {"file": "tokenizer.json", "maxTokens": MAX_CODE_TOKENS, "maxQueryTokens": MAX_QUERY_TOKENS},
            "textPreparation": text.preparation,
            "instructions": {"query": text.query_instruction, "code": text.code_instruction},
            "dims": config.dims,
            "matryoshka": list(config.matryoshka),
            **({"keptDims": config.kept_dims} if config.kept_dims else {}),
            **({"breadcrumbWeight": config.breadcrumb_weight} if config.breadcrumb_weight > 1 else {}),
            "sharedSpace": shared_space,
            "exits": exits,
            "files": {name: fingerprint(work / name) for name in sorted(names)},
            "quality": quality or {},
        }
        write_manifest(work, manifest)
    return manifest


def format_of(config: ModelConfig) -> int:
    """Of its folder: a reader of an earlier one would leave something out and find other vectors."""
    return 4 if config.breadcrumb_weight > 1 else 3 if config.table_attention else 2 if config.table_block else 1


def put_in_place(folder: Path, out: Path, quality: dict[str, Any]) -> None:
    """Move a whole model folder to `out`, with what was measured of it."""
    check_out(out)
    write_manifest(folder, read_manifest(folder) | {"quality": quality})
    data.put_in_place(folder, out)


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    with data.written_whole(folder / "manifest.json") as work:  # half of one would spoil a whole folder
        work.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose files match their hashes.

    `parity.json` is for tests: the packed extension leaves it out, and where it is it must match as well.
    """
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        for name in ("exits", "tokenizer", "instructions", "dims"):
            manifest[name]
        for name, expected in manifest["files"].items():
            if name == "parity.json" and not (folder / name).exists():
                continue
            if fingerprint(folder / name) != expected:
                raise UserError("model-damaged", f"The model file {name} in {folder} does not match its manifest.")
    except FileNotFoundError as error:
        name = Path(error.filename).name
        raise UserError("model-unreadable", f"The model folder {folder} cannot be read: it has no {name}.") from error
    except (OSError, ValueError, TypeError) as error:
        raise UserError("model-unreadable", f"The model folder {folder} cannot be read: {reason(error)}.") from error
    except KeyError as error:
        raise UserError("model-unreadable", f"The manifest of the model folder {folder} has no {error}.") from error
    return manifest


def _tolerance(exits: Sequence[dict[str, Any]]) -> dict[str, float]:
    return {str(exit["layer"]): TOLERANCE[exit["kind"]] for exit in exits}


def fingerprint(file: Path) -> dict[str, Any]:
    """What a manifest says of a file."""
    data = file.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _write_tokenizer(source: Path, target: Path) -> None:
    """The tokenizer without its own padding and truncation: limits are the manifest's business."""
    tokenizer = json.loads(source.read_text(encoding="utf-8"))
    tokenizer["truncation"] = None
    tokenizer["padding"] = None
    target.write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n", encoding="utf-8")


def write_parity(folder: Path, model: MultiExitEncoder, text: TextEncoder, exits: list[dict[str, Any]]) -> None:
    parity = {"cases": parity_cases(model, text), "tolerance": _tolerance(exits)}
    (folder / "parity.json").write_text(json.dumps(parity, ensure_ascii=False) + "\n", encoding="utf-8")


def parity_cases(model: MultiExitEncoder, text: TextEncoder) -> list[dict[str, Any]]:
    """Inputs of many kinds with PyTorch's float32 vectors of every exit."""
    cases = []
    for kind, breadcrumb, body in PARITY_CASES:
        prepared = prepare(text.query_instruction + body) if kind == "query" else text.prepared_code(breadcrumb, body)
        ids = text.encode_prepared([prepared], MAX_QUERY_TOKENS if kind == "query" else MAX_CODE_TOKENS)[0]
        names = text.names_in_front(breadcrumb, MAX_CODE_TOKENS)
        with torch.no_grad():
            outputs = model(*pad([ids]), names=torch.tensor([names]))
        vectors = {str(depth): _short(output.embedding[0]) for depth, output in outputs.items()}
        cases.append(
            {
                "kind": kind,
                "breadcrumb": breadcrumb,
                "text": body,
                "prepared": prepared,
                "ids": ids,
                "names": names,
                "vectors": vectors,
            }
        )
    return cases


def _short(vector: torch.Tensor) -> list[float]:
    return [round(float(value), 7) for value in vector]
