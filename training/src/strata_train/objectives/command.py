"""`python -m strata_train pretrain`. PyTorch is imported only when it runs: the command line starts without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strata_train.events import UserError, emit, log_to


def add_commands(commands: Any) -> None:
    """Register `pretrain` with the command line."""
    parser = commands.add_parser("pretrain", help="pre-train a ModularStarEncoder: masked tokens and same repository")
    parser.add_argument("files", type=Path, nargs="+", help="JSON lines {source, code}: `source` is the repository")
    parser.add_argument("--start", type=Path, help="checkpoint folder to go on from; without one a small new encoder")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json with <pad>, <sep>, <cls>, <mask>")
    parser.add_argument("--out", type=Path, required=True, help="folder for the checkpoint, heads and log")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="time budget, of all parts of a resumed run together")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--window", type=int, help="tokens; without it the encoder's context")
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--context-weight", type=float, default=1.0, help="0 leaves the repository question out")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--checkpoint-minutes", type=float, default=10.0, help="between two savings of checkpoint.pt")
    parser.add_argument("--resume", action="store_true", help="go on from checkpoint.pt in --out, to the same losses")
    parser.set_defaults(run=run_pretrain)


def run_pretrain(options: Any) -> None:
    import torch
    from safetensors.torch import load_file, save_file
    from tokenizers import Tokenizer

    from strata_train.dedup import read_json_lines
    from strata_train.device import choose
    from strata_train.modular_starencoder import (
        ModularStarEncoder,
        ModularStarEncoderConfig,
        load_published,
        save_published,
    )
    from strata_train.objectives.pretrain import (
        MARKS,
        Checkpoint,
        PretrainingHeads,
        pretrain,
        special_tokens,
        stream_windows,
    )
    from strata_train.text import prepare

    torch.manual_seed(options.seed)
    log_to(options.out / "log.jsonl")
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    special = special_tokens(tokenizer)
    if options.start:
        model = load_published(options.start, fresh_heads=True)
    else:
        marks = {f"{kind}_id": getattr(special, kind) for kind in MARKS}
        model = ModularStarEncoder(ModularStarEncoderConfig.small(tokenizer.get_vocab_size(), **marks))
    config = model.config
    heads = PretrainingHeads(config.hidden_size, config.vocab_size, config.exits, config.conditional_size)
    if options.start and (options.start / "heads.safetensors").exists():
        heads.load_state_dict(load_file(options.start / "heads.safetensors"))
    place = choose(options.device)
    model.to(place.device)
    heads.to(place.device)
    window = options.window or config.context

    def files() -> Iterator[tuple[str, list[int]]]:
        for file in options.files:
            for record in read_json_lines(file):
                yield record["source"], tokenizer.encode(prepare(record["code"]), add_special_tokens=False).ids

    # What decides the windows, the masks and the steps; --steps and --minutes may grow.
    settings = {name: getattr(options, name) for name in ("batch", "rate", "context_weight", "seed")}
    settings |= {"window": window, "files": [str(file) for file in options.files]}
    checkpoint = Checkpoint(options.out / "checkpoint.pt", settings, options.checkpoint_minutes)
    figures, finished = pretrain(
        model, heads, lambda number: stream_windows(files(), window, options.seed + number), special, config.vocab_size,
        steps=options.steps, batch=options.batch, rate=options.rate, context_weight=options.context_weight,
        seed=options.seed, minutes=options.minutes, checkpoint=checkpoint, resume=options.resume,
    )  # fmt: skip
    if not finished:
        raise UserError(
            "interrupted",
            "Stopped before the end; everything so far is saved, go on with the same command and --resume.",
        )
    save_published(model, options.out)
    save_file({name: tensor.cpu() for name, tensor in heads.state_dict().items()}, options.out / "heads.safetensors")
    (options.out / "tokenizer.json").write_bytes(options.tokenizer.read_bytes())
    emit("result", command="pretrain", out=str(options.out), **figures)
