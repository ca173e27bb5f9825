"""What the three experiments share: data, a small ModularStarEncoder, training, measuring, caching of arms.

An arm is one way of training. Every arm of a seed sees the same pairs in the same order for the same number of steps,
from the same initial weights; only the loss differs. A finished arm is kept in `results/arms/` with its settings and is
trained again only when they change.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from strata_train.device import bf16_pays
from strata_train.events import emit
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.distillation import score_distillation, vector_distillation
from strata_train.model import unit
from strata_train.modular_starencoder import ModularStarEncoder, ModularStarEncoderConfig, collate, input_row, mean_pool
from strata_train.objectives.icc import context_windows
from strata_train.objectives.loop import update
from strata_train.objectives.packing import SpecialTokens, Window, cut, fill
from strata_train.objectives.pretrain import PretrainingHeads, depth_weights, pretraining_loss
from strata_train.text import prepare

HERE = Path(__file__).parent
MARKS = ["<pad>", "<sep>", "<cls>", "<mask>"]


@dataclass(frozen=True)
class Settings:
    """Everything that shapes an arm; part of its cache key."""

    language: str = "python"
    train_pairs: int = 10_000
    held_out_pairs: int = 500
    vocab_size: int = 4_096
    hidden_size: int = 64
    query_tokens: int = 14
    code_tokens: int = 40
    steps: int = 400
    batch: int = 64
    rate: float = 2e-3
    scale: float = 20.0
    pretrain_steps: int = 300
    pretrain_batch: int = 48
    code_to_code_pairs: int = 500
    pretrain_window: int = 64
    pretrain_files: int = 800  # of each language


@dataclass(frozen=True)
class Arm:
    """What is trained: which exits carry a loss, how they are weighed, whether the top teaches, what came before."""

    exits: tuple[int, ...] = (2, 4, 6)
    weights: str = "depth"  # "depth" = i / L, "uniform" = 1
    teacher: bool = False
    pretraining: str = ""  # "", "mlm" or "mlm+icc"


@dataclass(frozen=True)
class Pair:
    query: str
    code: str


@dataclass
class Lab:
    folder: Path
    settings: Settings
    tokenizer: Tokenizer
    train: list[Pair]
    held_out: list[Pair]
    rows: dict[str, list[int]] = field(default_factory=dict)

    @property
    def config(self) -> ModularStarEncoderConfig:
        size = self.settings.hidden_size
        return ModularStarEncoderConfig.small(
            self.tokenizer.get_vocab_size(), hidden_size=size, intermediate_size=4 * size, dims=size
        )

    def row(self, text: str, max_tokens: int) -> list[int]:
        if text not in self.rows:
            self.rows[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return input_row([], self.rows[text], self.config, max_tokens)

    def queries(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        return collate([self.row(text, self.settings.query_tokens) for text in texts], self.config)

    def codes(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        return collate([self.row(text, self.settings.code_tokens) for text in texts], self.config)


# ---- data ----


def read(folder: Path, language: str, most: int) -> list[dict]:
    """A random sample of a language's pairs; only the lines that are taken are parsed."""
    with gzip.open(folder / f"{language}.jsonl.gz", "rt", encoding="utf-8") as file:
        lines = file.readlines()
    return [json.loads(line) for line in random.Random(0).sample(lines, min(most, len(lines)))]


def is_held_out(item: dict) -> bool:
    """One folder of files in ten, so that no neighbour of a test function is trained on."""
    place = f"{item['source']}/{item['path'].rpartition('/')[0]}"
    return int(hashlib.sha256(place.encode()).hexdigest(), 16) % 10 == 0


def open_lab(folder: Path, settings: Settings) -> Lab:
    """Pairs of one language, without exact copies; a tokenizer of their own."""
    train: list[Pair] = []
    held_out: list[Pair] = []
    seen: set[str] = set()
    for item in read(folder, settings.language, 2 * (settings.train_pairs + settings.held_out_pairs)):
        kept = held_out if is_held_out(item) else train
        if len(kept) >= (settings.held_out_pairs if kept is held_out else settings.train_pairs):
            continue
        pair = Pair(prepare(item["doc"].split(". ")[0]).lower(), prepare(item["code"]).lower())
        if pair.code in seen or pair.query in seen:
            continue
        seen |= {pair.code, pair.query}
        kept.append(pair)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocab_size - len(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text for p in train[:4000] for text in (p.query, p.code)), trainer)
    tokenizer.add_special_tokens(MARKS)  # the last ids, as ModularStarEncoderConfig.small expects
    return Lab(folder, settings, tokenizer, train, held_out)


# ---- losses ----


def taught(q: Tensor, d: Tensor, q_top: Tensor, d_top: Tensor, scale: float) -> Tensor:
    """From the detached top exit: KL of the score matrices plus 1 - cosine of the vectors."""
    scores = score_distillation(scale * q @ d.T, scale * q_top @ d_top.T)
    return scores + vector_distillation(q, q_top) + vector_distillation(d, d_top)


# ---- training ----


def schedule(step: int, steps: int, rate: float) -> float:
    """100 steps of warm-up, then a cosine to a tenth."""
    if step < 100:
        return rate * (step + 1) / 100
    return rate * (0.1 + 0.45 * (1 + np.cos(np.pi * (step - 100) / max(1, steps - 100))))


def optimizer_for(parameters: list[torch.nn.Parameter], rate: float) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.01)


def pretrain(lab: Lab, model: ModularStarEncoder, kind: str, seed: int) -> dict[str, float]:
    """Masked tokens, with or without the in-context question, on the very same windows of all languages."""
    settings, config = lab.settings, lab.config
    special = SpecialTokens(config.pad_id, config.sep_id, config.cls_id, config.mask_id)
    files = [
        (item["source"], lab.tokenizer.encode(prepare(item["code"]).lower(), add_special_tokens=False).ids)
        for file in sorted(lab.folder.glob("*.jsonl.gz"))
        for item in read(lab.folder, file.name.removesuffix(".jsonl.gz"), settings.pretrain_files)
        if not is_held_out(item)
    ]
    size = settings.pretrain_window
    packed = list(context_windows(cut(files, size // 2), size, random.Random(seed)))
    heads = PretrainingHeads(config.hidden_size, config.vocab_size, config.exits)
    both = torch.nn.ModuleList([model, heads])
    optimizer = optimizer_for(list(both.parameters()), settings.rate)
    generator = torch.Generator().manual_seed(seed)
    rng = random.Random(seed)
    order: list[Window] = []
    late: list[dict[str, float]] = []
    for step in range(settings.pretrain_steps):
        if len(order) < settings.pretrain_batch:
            order = rng.sample(packed, len(packed))
        windows = [order.pop() for _ in range(settings.pretrain_batch)]
        for group in optimizer.param_groups:
            group["lr"] = schedule(step, settings.pretrain_steps, settings.rate)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16_pays("cpu")):
            loss, parts = pretraining_loss(
                model, heads, windows, special, config.vocab_size, generator,
                context_weight=1.0 if kind == "mlm+icc" else 0.0,
            )  # fmt: skip
        loss.backward()
        update(both, optimizer)
        if step % 25 == 0:
            emit(
                "progress",
                phase=f"pretrain {kind}",
                done=step,
                total=settings.pretrain_steps,
                loss=loss.item(),
                **parts,
            )
        if step >= settings.pretrain_steps - 50:
            late.append(parts)
    summary = {key: mean(parts[key] for parts in late) for key in late[0]}
    return summary | {
        "fillUnpacked": fill((len(tokens) + 2 for _, tokens in files), size),
        "fillPacked": fill(map(len, packed), size),
        "sameShare": mean(window.same_repository for window in packed),
        "windows": len(packed),
    }


def train(lab: Lab, model: ModularStarEncoder, arm: Arm, seed: int, name: str) -> None:
    settings = lab.settings
    depth = depth_weights(model.exits)
    optimizer = optimizer_for(list(model.parameters()), settings.rate)
    rng = random.Random(seed)
    order: list[Pair] = []
    for step in range(settings.steps):
        if len(order) < settings.batch:
            order = rng.sample(lab.train, len(lab.train))
        pairs = [order.pop() for _ in range(settings.batch)]
        for group in optimizer.param_groups:
            group["lr"] = schedule(step, settings.steps, settings.rate)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16_pays("cpu")):
            queries = model(*lab.queries([p.query for p in pairs]), exits=arm.exits)
            codes = model(*lab.codes([p.code for p in pairs]), exits=arm.exits)
        loss = torch.zeros(())
        top = max(arm.exits)
        for layer in arm.exits:
            q, d = queries[layer].embedding, codes[layer].embedding
            term = contrastive_loss(q, d, settings.scale)
            if arm.teacher and layer != top:
                term = term + taught(q, d, queries[top].embedding, codes[top].embedding, settings.scale)
            weight = depth[layer] if arm.weights == "depth" and len(arm.exits) > 1 else 1.0
            loss = loss + weight * term
        loss.backward()
        update(model, optimizer)
        if step % 25 == 0:
            emit("progress", phase=name, done=step, total=settings.steps, loss=loss.item())


# ---- measuring ----


def ranks(queries: Tensor, documents: Tensor) -> Tensor:
    """Rank of each query's own document, 1 = first. (N, D), (N, D) -> (N,)"""
    scores = queries @ documents.T
    own = scores.diagonal()[:, None]
    return (scores > own).sum(dim=1) + 1


def figures(queries: Tensor, documents: Tensor) -> dict[str, float]:
    found = ranks(queries, documents).float()
    return {"mrr": (1 / found).mean().item(), "recall1": (found == 1).float().mean().item()}


def halves(code: str) -> tuple[str, str]:
    words = code.split(" ")
    return " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])


@torch.no_grad()
def encode(lab: Lab, model: ModularStarEncoder, texts: list[str], kind: str, truncate: bool) -> dict[int, Tensor]:
    """Every exit's embeddings; `truncate` reads lower layers through the top's norm and head instead of their own."""
    parts: dict[int, list[Tensor]] = {layer: [] for layer in model.exits}
    for start in range(0, len(texts), 50):
        batch = texts[start : start + 50]
        ids, mask = lab.queries(batch) if kind == "query" else lab.codes(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16_pays("cpu")):
            outputs = model(ids, mask)
        for layer, output in outputs.items():
            if truncate and layer != model.config.top:
                projected = model.projections[-1](model.model.norm(output.hidden))
                parts[layer].append(unit(mean_pool(projected, mask)))
            else:
                parts[layer].append(output.embedding)
    return {layer: torch.cat(vectors) for layer, vectors in parts.items()}


def measure(lab: Lab, model: ModularStarEncoder, exits: tuple[int, ...], truncate: bool = False) -> dict:
    """Text-to-code and code-to-code (first half finds second half) per exit, and query exit x document exit."""
    model.eval()
    queries = encode(lab, model, [p.query for p in lab.held_out], "query", truncate)
    codes = encode(lab, model, [p.code for p in lab.held_out], "code", truncate)
    split = [halves(p.code) for p in lab.held_out[: lab.settings.code_to_code_pairs]]
    first = encode(lab, model, [a for a, _ in split], "code", truncate)
    second = encode(lab, model, [b for _, b in split], "code", truncate)
    model.train()
    return {
        "textToCode": {str(e): figures(queries[e], codes[e]) for e in exits},
        "codeToCode": {str(e): figures(first[e], second[e]) for e in exits},
        "matrix": {f"q{a}d{b}": figures(queries[a], codes[b])["mrr"] for a in exits for b in exits},
    }


# ---- arms ----


def run_arm(lab: Lab, name: str, arm: Arm, seed: int) -> dict:
    """Train and measure one arm, or fetch it if the same settings were run before."""
    settings = {key: value for key, value in asdict(lab.settings).items() if arm.pretraining or "pretrain" not in key}
    wanted = {"settings": settings, "arm": json.loads(json.dumps(asdict(arm))), "seed": seed}
    path = HERE / "results" / "arms" / f"{name}-{seed}.json"
    if path.exists() and (kept := json.loads(path.read_text())) and all(kept[key] == wanted[key] for key in wanted):
        return kept
    torch.manual_seed(seed)
    model = ModularStarEncoder(lab.config).train()
    started = time.monotonic()
    result = dict(wanted)
    if arm.pretraining:
        result["pretraining"] = pretrain(lab, model, arm.pretraining, seed)
        result["pretrained"] = measure(lab, model, arm.exits)
    train(lab, model, arm, seed, f"{name} seed {seed}")
    if arm.exits == (model.config.top,):
        result["truncated"] = measure(lab, model, model.exits, truncate=True)
    result |= measure(lab, model, arm.exits)
    result["seconds"] = round(time.monotonic() - started, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    emit("result", arm=name, seed=seed, seconds=result["seconds"], textToCode=result["textToCode"])
    return result


def spread(values: list[float]) -> dict[str, float]:
    return {
        "mean": round(mean(values), 4),
        "std": round(stdev(values), 4) if len(values) > 1 else 0.0,
        "runs": len(values),
    }


def mrr_table(results: dict[str, list[dict]]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Task → arm → exit → spread of the MRR over the arm's seeds."""
    return {
        task: {
            name: {e: spread([r[task][e]["mrr"] for r in runs]) for e in ("2", "4", "6")}
            for name, runs in results.items()
        }
        for task in ("textToCode", "codeToCode")
    }


def save(name: str, content: dict) -> None:
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def arguments(description: str) -> tuple[argparse.Namespace, Lab]:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder with python.jsonl.gz (documentation and code)")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=Settings.steps, help="fewer for a quick look")
    parser.add_argument("--arms", help="run only these, comma-separated, and write no summary")
    options = parser.parse_args()
    settings = replace(Settings(), steps=options.steps)
    if not (options.data / f"{settings.language}.jsonl.gz").exists():
        emit(
            "error", code="no-data", message=f"No {settings.language}.jsonl.gz in {options.data}; nothing was trained."
        )
        sys.exit(0)
    torch.set_num_threads(options.threads)
    # the fused CPU kernel's backward pass takes half of a step at these sizes; plain products are a third faster
    torch.backends.cuda.enable_flash_sdp(False)  # named for CUDA, obeyed on the CPU too
    return options, open_lab(options.data, settings)


def run_arms(options: argparse.Namespace, lab: Lab, arms: dict[str, Arm]) -> dict[str, list[dict]] | None:
    """All arms of all seeds, seed by seed, so that an interrupted run leaves whole comparisons behind."""
    chosen = options.arms.split(",") if options.arms else list(arms)
    results: dict[str, list[dict]] = {name: [] for name in chosen}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name in chosen:
            results[name].append(run_arm(lab, name, arms[name], seed))
    return None if options.arms else results
