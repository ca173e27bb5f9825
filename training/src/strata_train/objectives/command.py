"""The commands of the published architecture: `train-tokenizer`, `pretrain`, `finetune-retrieval`, `export-segments`.

PyTorch is imported only when one of them runs: the command line starts without it.
"""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strata_train.events import UserError, emit, log_to, reason, silence
from strata_train.records import Record, read_json_lines

if TYPE_CHECKING:
    from strata_train.device import Device
    from strata_train.modular_starencoder import ModularStarEncoder
    from strata_train.objectives.loop import Checkpoint
    from strata_train.objectives.tokens import RawTokens


def add_commands(commands: Any) -> None:
    """Register the commands with the command line."""
    tokenizer = commands.add_parser("train-tokenizer", help="a byte-level BPE for a new ModularStarEncoder")
    tokenizer.add_argument("files", type=Path, nargs="+", help="JSON lines with `code`, and `doc` if there is one")
    tokenizer.add_argument("--out", type=Path, required=True, help="the tokenizer.json to write")
    tokenizer.add_argument("--vocabulary", type=int, default=49_156, help="tokens, marks included")
    tokenizer.set_defaults(run=run_train_tokenizer)

    pretrain = commands.add_parser("pretrain", help="pre-train a ModularStarEncoder: masked tokens and same repository")
    pretrain.add_argument("files", type=Path, nargs="+", help="JSON lines {source, code}: `source` is the repository")
    pretrain.add_argument("--start", type=Path, help="checkpoint folder to go on from, instead of a new encoder")
    pretrain.add_argument("--size", choices=("full", "small"), default="small", help="of a new one; full is 1B")
    pretrain.add_argument("--tokenizer", type=Path, help="tokenizer.json with <sep>, <cls>, <mask>; else the start's")
    pretrain.add_argument("--window", type=int, help="tokens; without it the encoder's context")
    pretrain.add_argument("--accumulate", type=int, default=1, help="batches whose gradients make one step")
    pretrain.add_argument(
        "--milestones", type=_numbers, default=(), help="steps at which the rate halves: 120000,185000"
    )
    pretrain.add_argument("--context-weight", type=float, default=1.0, help="0 leaves the repository question out")
    _loop_options(pretrain, steps=1000, batch=32, rate=3e-4, warmup=100)
    pretrain.set_defaults(run=run_pretrain)

    retrieval = commands.add_parser("finetune-retrieval", help="contrastive fine-tuning of a ModularStarEncoder")
    retrieval.add_argument("files", type=Path, nargs="+", help="pairs of `strata mine` and triplets of `translate`")
    retrieval.add_argument("--start", type=Path, required=True, help="a folder that `pretrain` wrote, or a release")
    retrieval.add_argument("--tokens", type=int, help="longest text; without it the encoder's context")
    retrieval.add_argument("--chunk", type=int, default=32, help="texts in memory at once with their gradients; 0: all")
    retrieval.add_argument("--scale", type=float, default=10.0, help="of the logits: one over the temperature")
    retrieval.add_argument("--distil-vectors", type=float, default=0.0, help="weight of 1 - cosine to the top exit")
    retrieval.add_argument("--distil-scores", type=float, default=0.0, help="weight of KL to the top exit's scores")
    retrieval.add_argument("--cross-exit", type=float, default=0.0, help="weight of top queries on lower documents")
    retrieval.add_argument("--held-out", type=float, default=0.02, help="share of the files that is only measured on")
    retrieval.add_argument("--evaluate-every", type=int, default=500, help="steps between two measurements")
    _loop_options(retrieval, steps=20_000, batch=2048, rate=1e-5, warmup=1000)
    retrieval.set_defaults(run=run_finetune_retrieval)

    export = commands.add_parser("export-segments", help="a ModularStarEncoder as a folder of ONNX segments")
    export.add_argument("--start", type=Path, required=True, help="a folder that `finetune-retrieval` wrote")
    export.add_argument("--out", type=Path, required=True, help="the last part of the path becomes the model's id")
    export.add_argument("--exits", type=_numbers, help="exits to export, comma-separated; without it all")
    export.add_argument("--version", default="1.0.0")
    export.set_defaults(run=run_export_segments)


def _loop_options(parser: Any, *, steps: int, batch: int, rate: float, warmup: int) -> None:
    parser.add_argument("--out", type=Path, required=True, help="folder for the model, its checkpoint and the log")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--minutes", type=float, help="time budget, of all parts of a resumed run together")
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--warmup", type=int, default=warmup, help="steps in which the rate rises")
    parser.add_argument("--checkpointing", action="store_true", help="recompute activations: less memory, more time")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16", help="bf16 only where it pays")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to PyTorch")
    parser.add_argument("--checkpoint-minutes", type=float, default=10.0, help="between two savings of checkpoint.pt")
    parser.add_argument("--resume", action="store_true", help="go on from checkpoint.pt in --out, to the same losses")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


# ---- what the commands share ----


def _begin(options: Any) -> Device:
    """Seeds, log, the other processes, and the device."""
    import torch

    from strata_train import device, processes, runs

    counts = (options.steps, options.batch, getattr(options, "accumulate", 1), getattr(options, "evaluate_every", 1))
    if min(counts) < 1 or options.rate <= 0:
        raise UserError("bad-number", "--steps, --batch, --rate, --accumulate and --evaluate-every must be above zero.")
    runs.refuse_old_run(options.out, options.resume)  # before the first of several processes writes one
    place = device.choose(options.device, options.threads)
    place = replace(place, bf16=place.bf16 and options.precision == "bf16")
    processes.start_distributed(place)
    if processes.is_first_process():
        log_to(options.out / "log.jsonl")
    else:
        silence()
    torch.manual_seed(options.seed)
    return place


def load_start(folder: Path) -> ModularStarEncoder:
    """A checkpoint folder; projection heads that it lacks are new."""
    from safetensors import SafetensorError

    from strata_train.modular_starencoder import load_published

    try:
        return load_published(folder, fresh_heads=True)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise UserError("start-unreadable", f"There is no ModularStarEncoder in {folder}: {reason(error)}.") from error


def _tokenizer(options: Any) -> RawTokens:
    from strata_train.objectives.tokens import RawTokens

    file = getattr(options, "tokenizer", None) or (options.start and options.start / "tokenizer.json")
    if not file:
        raise UserError("no-tokenizer", "A new encoder needs --tokenizer; train-tokenizer makes one.")
    return RawTokens(file)


def _checkpoint(options: Any, settings: dict[str, Any]) -> Checkpoint:
    """With all that decides the steps; --steps and --minutes may grow."""
    from strata_train import runs
    from strata_train.objectives.loop import Checkpoint

    shared = {name: getattr(options, name) for name in ("batch", "rate", "warmup", "seed")}
    files = [str(file) for file in options.files]
    return Checkpoint(options.out / runs.CHECKPOINT, shared | {"files": files} | settings, options.checkpoint_minutes)


def _finish(options: Any, finished: bool, model: ModularStarEncoder, tokens: RawTokens) -> None:
    from strata_train.modular_starencoder import save_published

    if not finished:
        raise UserError(
            "interrupted",
            "Stopped before the end; everything so far is saved, go on with the same command and --resume.",
        )
    save_published(model, options.out)
    (options.out / "tokenizer.json").write_bytes(tokens.file.read_bytes())


def _end_distributed() -> None:
    """Close the group when every process has come here: gloo ends a process whose peer goes away before it.

    Never after a failure: the others would wait for who does not come.
    """
    import torch.distributed as distributed

    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def mixed(files: Sequence[Path], chance: random.Random, at_once: int = 64) -> Iterator[Record]:
    """The records of all files, each drawn from one of up to `at_once` open files, as a file may hold one language."""
    waiting = chance.sample(list(files), len(files))
    readers: list[Iterator[Record]] = []
    while waiting or readers:
        while waiting and len(readers) < at_once:
            readers.append(read_json_lines(waiting.pop()))
        number = chance.randrange(len(readers))
        record = next(readers[number], None)
        if record is None:
            del readers[number]
        else:
            yield record


def _existing(files: Sequence[Path]) -> Sequence[Path]:
    for file in files:
        if not file.exists():
            raise UserError("files-missing", f"There is no file {file}.")
    return files


# ---- the commands ----


def run_train_tokenizer(options: Any) -> None:
    from strata_train.objectives.tokens import train_tokenizer

    records = mixed(_existing(options.files), random.Random(0))
    texts = (record[name] for record in records for name in ("doc", "code", "code_b") if record.get(name))
    size = train_tokenizer(texts, options.vocabulary, options.out)
    emit("result", command="train-tokenizer", out=str(options.out), tokens=size)


def run_pretrain(options: Any) -> None:
    from dataclasses import replace

    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    from strata_train.modular_starencoder import ModularStarEncoder, ModularStarEncoderConfig
    from strata_train.objectives.pretrain import PretrainingHeads, pretrain, stream_windows
    from strata_train.objectives.tokens import MARKS, special_tokens
    from strata_train.processes import is_first_process

    place = _begin(options)
    tokens = _tokenizer(options)
    if options.start:
        model = load_start(options.start)
    else:
        own = special_tokens(tokens.tokenizer)
        marks = {f"{kind}_id": getattr(own, kind) for kind in MARKS}
        size = tokens.tokenizer.get_vocab_size()
        full = replace(ModularStarEncoderConfig.full(), vocab_size=size, **marks)
        small = ModularStarEncoderConfig.small(size, **marks)
        model = ModularStarEncoder(full if options.size == "full" else small)
    config = model.config
    special = tokens.take_marks(config)
    model.checkpointing = options.checkpointing
    heads = PretrainingHeads(config.hidden_size, config.vocab_size, config.exits, config.conditional_size)
    if options.start and (stored := options.start / "heads.safetensors").exists():
        try:
            heads.load_state_dict(load_file(stored))
        except (OSError, RuntimeError, SafetensorError) as error:
            raise UserError("start-unreadable", f"The heads in {stored} cannot be read: {reason(error)}.") from error
    model.to(place.device)
    heads.to(place.device)
    window = options.window or config.context
    if window > config.context:
        raise UserError(
            "window-size", f"A window of {window} tokens exceeds the encoder's context of {config.context}."
        )

    def files(number: int) -> Iterator[tuple[str, list[int]]]:
        for record in mixed(_existing(options.files), random.Random(options.seed + number)):
            if not isinstance(record.get("source"), str) or not isinstance(record.get("code"), str):
                raise UserError("files-bad", "A file's record has no source or no code; both are needed.")
            yield record["source"], tokens.encode(record["code"])

    settings = {"accumulate": options.accumulate, "context_weight": options.context_weight, "window": window}
    settings |= {"milestones": list(options.milestones)}
    figures, finished = pretrain(
        model, heads, lambda number: stream_windows(files(number), window, options.seed + number),
        special, config.vocab_size,
        steps=options.steps, batch=options.batch, accumulate=options.accumulate, rate=options.rate,
        warmup=options.warmup, milestones=options.milestones, context_weight=options.context_weight,
        seed=options.seed, minutes=options.minutes, place=place,
        checkpoint=_checkpoint(options, settings), resume=options.resume,
    )  # fmt: skip
    if is_first_process():
        _finish(options, finished, model, tokens)
        stored = {name: tensor.cpu() for name, tensor in heads.state_dict().items()}
        save_file(stored, options.out / "heads.safetensors")
        emit("result", command="pretrain", out=str(options.out), **figures)
    _end_distributed()


def run_finetune_retrieval(options: Any) -> None:
    from strata_train.objectives import retrieval
    from strata_train.processes import is_first_process

    place = _begin(options)
    tokens = _tokenizer(options)
    model = load_start(options.start)
    model.checkpointing = options.checkpointing
    rows = retrieval.Rows(tokens, model, options.tokens)
    examples, held_out = retrieval.split_held_out(retrieval.read_examples(options.files), options.held_out)
    terms = {name: getattr(options, name) for name in ("distil_vectors", "distil_scores", "cross_exit")}
    settings = terms | {name: getattr(options, name) for name in ("chunk", "scale", "tokens", "held_out")}
    figures, finished = retrieval.finetune(
        model.to(place.device), rows, examples, retrieval.measured_on(held_out),
        loss=retrieval.paper_loss(options.scale, **terms),
        steps=options.steps, batch=options.batch, chunk=options.chunk, rate=options.rate, warmup=options.warmup,
        seed=options.seed, minutes=options.minutes, evaluate_every=options.evaluate_every, place=place,
        checkpoint=_checkpoint(options, settings), resume=options.resume,
    )  # fmt: skip
    if is_first_process():
        _finish(options, finished, model, tokens)
        emit("result", command="finetune-retrieval", out=str(options.out), **figures)
    _end_distributed()


def run_export_segments(options: Any) -> None:
    from strata_train.export import fingerprint, folder_whole, write_manifest
    from strata_train.modular_starencoder import export_segments
    from strata_train.objectives.retrieval import CODE_INSTRUCTION, TEXT_INSTRUCTION

    if importlib.util.find_spec("onnxscript") is None:
        raise UserError("onnxscript-missing", "This export needs onnxscript: run `pip install onnxscript`.")
    model = load_start(options.start).eval()
    config = model.config
    exits = tuple(sorted(set(options.exits or model.exits)))
    if unknown := sorted(set(exits) - set(model.exits)):
        raise UserError("no-exit", f"There is no exit {unknown[0]}; this model has {', '.join(map(str, model.exits))}.")
    tokens = _tokenizer(options)
    with folder_whole(options.out, options.start) as work:
        segments = export_segments(model, work, exits)
        (work / "tokenizer.json").write_bytes(tokens.file.read_bytes())
        starts = (0, *exits[:-1])
        manifest = {
            "format": "segments-1",
            "id": options.out.name,
            "version": options.version,
            "tokenizer": {"file": "tokenizer.json", "maxTokens": config.context},
            "textPreparation": "none",
            "input": "<sep>{instruction}<sep>{text}<cls>",
            "marks": {name: getattr(config, f"{name}_id") for name in ("pad", "sep", "cls", "mask")},
            "instructions": {"query": TEXT_INSTRUCTION, "code": CODE_INSTRUCTION},
            "dims": config.dims,
            "exits": [
                {"layer": layer, "kind": "onnx", "file": path.name, "from": start}
                for start, layer, path in zip(starts, exits, segments, strict=True)
            ],
            "files": {path.name: fingerprint(path) for path in sorted(work.iterdir())},
        }
        write_manifest(work, manifest)
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    emit("result", command="export-segments", folder=str(options.out), bytes=size)
