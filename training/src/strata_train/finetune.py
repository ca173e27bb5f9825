"""Adapts a model folder to one workspace: what VS Code and `strata train` start.

Mined pairs in, a new model folder out, and a verdict: adopt it only if files that were held out are found better and
no exit became clearly worse. The shared layers stay frozen, so ten minutes on two cores are enough and a small
workspace cannot ruin the model: a linear map in the shared space, the table, and the private parts of the exits in
between are all that learns.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from strata_train import data, evaluate, export, folder_weights, train
from strata_train.config import Config, DataConfig, LossConfig, TextConfig, TrainConfig
from strata_train.device import choose
from strata_train.events import UserError, emit
from strata_train.model import MultiExitEncoder
from strata_train.text import TextEncoder

PHASES = ("top head", "layers", "table")  # as they appear in the progress events
MIN_PAIRS = 50
MIN_HELD_OUT = 8
HELD_OUT_SHARE = 0.2
# The new model must beat the old one by this much on average, and no figure may fall by more than the second number,
# or by more than one question where one question weighs more than that.
MIN_GAIN = 0.005
MAX_LOSS = 0.02


def settings_for(model: MultiExitEncoder, pairs: int) -> Config:
    """The recipe, scaled to the number of pairs."""
    return Config(
        name="finetune",
        model=model.config,
        text=TextConfig(code_tokens=128, short_code_tokens=64, short_share=0.5, query_tokens=32),
        data=DataConfig(drop_name_code=0.4, keep_doc=0.1, code_to_code=0.15),
        loss=LossConfig(contrastive=0.5, top_contrastive=0.5, distil_vectors=2.0, distil_scores=0.5, anchor=4.0),
        train=TrainConfig(
            batch_size=32 if pairs < 2000 else 64,
            joint_every=0,
            joint_tail=0.0,
            learning_rate=0.0,
            upper_learning_rate=0.0,
            exit_learning_rate=3e-5,
            head_learning_rate=1e-4,
            token_weight_learning_rate=1e-3,
            table_learning_rate=5e-4,
            table_batch_size=256,
            top_head_epochs=8,
            top_head_learning_rate=3e-4,
            table_epochs=40,
            warmup_steps=10,
            steps=max(60, pairs // 4),
            log_every=5,
            checkpoint_minutes=1.0,
            evaluate_minutes=0.5,
            patience=4,
            rotate=False,
        ),
    )


def finetune(
    pairs_file: Path,
    start: Path,
    out: Path,
    *,
    minutes: float,
    device: str = "auto",
    threads: int = 0,
    resume: bool = False,
) -> dict[str, Any]:
    """Run the whole thing and return the result event's fields. See the module's text for what it promises."""
    began = time.monotonic()
    emit("progress", phase="plan", phases=["reading", "encoding", *PHASES, "exporting"], minutes=minutes)
    emit("progress", phase="reading", message="Reading the mined pairs")
    pairs = usable_pairs(pairs_file)
    held_out = [pair for pair in pairs if data.is_held_out(pair, HELD_OUT_SHARE)]
    if len(held_out) < MIN_HELD_OUT or len(pairs) - len(held_out) < MIN_PAIRS - MIN_HELD_OUT:
        raise UserError(
            "too-few-files",
            f"The {len(pairs)} documented definitions lie in too few files to keep some aside for checking the result.",
        )
    model = folder_weights.read_model(start)
    manifest = export.read_manifest(start)
    text = TextEncoder(
        start / manifest["tokenizer"]["file"], manifest["instructions"]["query"], manifest["instructions"]["code"]
    )
    place = choose(device, threads)
    config = settings_for(model, len(pairs))
    work = out.with_name(out.name + ".work")
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    checked = Check.of(pairs, held_out, text, config)
    emit(
        "progress",
        phase="encoding",
        message=f"Encoding {len(pairs)} documented definitions ({len(held_out)} held out)",
        device=str(place.device),
    )
    before = checked.figures(model.eval())
    emit("metric", phase="before", **before)

    torch.manual_seed(config.train.seed)
    data.build_shards(
        [pairs_file],
        work / "cache",
        text,
        config.data,
        config.text,
        held_out_share=HELD_OUT_SHARE,
        seed=config.train.seed,
        exclusions=None,
    )
    teacher = folder_weights.read_model(start).to(place.device).eval()
    for folder in data.shard_folders(work / "cache"):
        data.add_teacher(data.Shard.open(folder), teacher, device=place.device, autocast=place.bf16)
    run = train.Run(work / "run", config, torch.eye(model.config.dims))
    if resume and (work / "run" / "checkpoint.pt").exists():
        model.load_state_dict(run.load("checkpoint.pt")["model"])
    if not run.progress.top_head_done:
        train.train_top_head(model, run, work / "cache", place)
        run.save("checkpoint.pt", model)
    figures = lambda candidate: checked.figures(candidate)  # noqa: E731
    left = minutes - (time.monotonic() - began) / 60
    finished = True
    if any(exit not in (0, model.config.top) for exit in model.config.exits):
        budget = max(0.2, left * 0.6) + run.progress.seconds / 60
        finished = train.train_layers(
            model, run, work / "cache", place, teacher=teacher, minutes=budget, evaluate=figures
        )
    if finished and model.table is not None:
        left = minutes - (time.monotonic() - began) / 60
        finished = train.train_table(
            model, run, work / "cache", place, minutes=max(0.1, left * 0.7), first_weights=False
        )
    if not finished:
        raise UserError("interrupted", "Stopped before the end; everything so far is saved, continue with --resume.")

    after = checked.figures(model.eval())
    emit("metric", phase="after", **after)
    adopt, reason = verdict(before, after, len(checked.queries))
    emit("progress", phase="exporting", message="Writing the model folder")
    export.export_folder(
        model,
        text,
        out,
        id=out.name,
        version="1.0.0",
        description=f"{manifest['id']} adapted to {len(pairs) - len(held_out)} documented definitions of a workspace",
        shared_space=manifest["sharedSpace"],
        quality={"held-out": {"before": before, "after": after}},
    )
    shutil.rmtree(work, ignore_errors=True)
    result = {"adopt": adopt, "reason": reason, "before": before, "after": after, "folder": str(out)}
    return {**result, "pairs": len(pairs), "held_out": len(held_out), "seconds": round(time.monotonic() - began, 1)}


def usable_pairs(file: Path) -> list[dict[str, str]]:
    """The pairs worth training on; too few of them end the run with a sentence."""
    if not file.exists():
        raise UserError("pairs-missing", f"The file of mined pairs {file} does not exist.")
    seen: set[str] = set()
    pairs = []
    for pair in data.read_pairs([file]):
        if len(pair["doc"].split()) >= 3 and len(pair["code"]) >= 20 and pair["code"] not in seen:
            seen.add(pair["code"])
            pairs.append(pair)
    if len(pairs) < MIN_PAIRS:
        raise UserError(
            "too-few-pairs",
            f"Only {len(pairs)} documented definitions were found; at least {MIN_PAIRS} are needed to learn from.",
        )
    return pairs


def verdict(before: dict[str, float], after: dict[str, float], questions: int) -> tuple[bool, str]:
    """Adopt only what is better on the whole and nowhere clearly worse."""
    gain = after["score"] - before["score"]
    worst = min((key for key in before if key != "score"), key=lambda key: after[key] - before[key])
    fall = before[worst] - after[worst]
    found = f"{before['score']:.3f} before, {after['score']:.3f} after"
    if fall > max(MAX_LOSS, 1.001 / questions):
        return (
            False,
            f"Kept the old model: {_name(worst)} found {fall:.3f} less of the held-out code ({found} overall).",
        )
    if gain < MIN_GAIN:
        return False, f"Kept the old model: held-out code is not found better (recall@10 {found})."
    return True, f"Held-out code is found better (recall@10 {found}) and no exit became clearly worse."


def _name(key: str) -> str:
    query, arrow, document = key.partition(">")
    return f"a query at exit {query} on code at exit {document}" if arrow else f"exit {query}"


class Check:
    """Held-out questions against all code of the workspace: recall@10 by exit, and of top queries on lower exits."""

    def __init__(self, queries: list[np.ndarray], documents: list[np.ndarray], relevant: np.ndarray) -> None:
        self.queries = queries
        self.documents = documents
        self.relevant = relevant

    @staticmethod
    def of(
        pairs: list[dict[str, str]],
        held_out: list[dict[str, str]],
        text: TextEncoder,
        config: Config,
        limit: int = 1500,
    ) -> Check:
        """Questions are the whole comment and a question form of it; half of the code has lost its name."""
        others = [pair for pair in pairs if not data.is_held_out(pair, HELD_OUT_SHARE)]
        asked = evaluate.HeldOut.of(held_out, text, config, limit=300)
        more = evaluate.HeldOut.of(others, text, replace(config), limit=max(0, limit - len(asked.documents)))
        return Check(asked.queries, [*asked.documents, *more.documents], asked.relevant)

    def figures(self, model: MultiExitEncoder) -> dict[str, float]:
        whole = evaluate.HeldOut(self.queries, self.documents, self.relevant)
        return {key: value for key, value in whole.figures(model).items() if "@" not in key}
