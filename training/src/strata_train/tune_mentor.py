"""Training the mentor itself on what it shall teach: it has eight times the multiplications of what follows it.

Its target is a weighted mean of what it found itself and what the start finds, as that of `follow` is, and beside that
the pairs: for unit vectors q, d of B pairs of texts and their targets t_q, t_d (`mentor.py`)

    L = KL(t_q·t_d ‖ q·d) + relations · ½ [ KL(t_q·t_q ‖ q·q) + KL(t_d·t_d ‖ d·d) ] + tune_contrastive · CE(q, d)

With `own_side`, CE(q, d; own side): texts of a pair's own side are negatives too (`losses/contrastive.py`).
The tuned encoder is written as a folder in Hugging Face's layout, for `mentor-vectors`: every `checkpoint_minutes`, at
the end, and when the run is asked to stop. A rented GPU may be taken away at any time.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from strata_train import runs, train
from strata_train.config import Config
from strata_train.data import folder_written_whole
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import contrastive_loss
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.mentor import Lesson, Mentor, in_turns, read_lessons, taken_means
from strata_train.model import MultiExitEncoder


def tune_loss(
    queries: Tensor, documents: Tensor, targets: tuple[Tensor, Tensor], not_negative: Tensor, config: Config
) -> dict[str, Tensor]:
    """The parts of the formula above for unit vectors (B, M) of B pairs and their targets (B, M + D)."""
    c, scale = config.mentor, config.loss.logit_scale
    sides = (queries, targets[0]), (documents, targets[1])
    return {
        "scores": follow_scores(queries, documents, scale * targets[0] @ targets[1].T, scale),
        "relations": c.relations * sum(follow_relations(*side, scale) for side in sides) / 2,
        "contrastive": c.tune_contrastive
        * contrastive_loss(queries, documents, scale, not_negative, own_side=c.own_side),
    }


def encode(mentor: Mentor, ids: Tensor, lesson: Lesson, texts: np.ndarray, config: Config) -> Tensor:
    """Numbers of B texts of a lesson → (B, M), unit, with gradient. `ids`: our token → the mentor's."""
    embed = lambda ours, mask: [mentor.embed(ids[ours].where(mask.bool(), mentor.pad), mask)]  # noqa: E731
    return lesson.encoded(texts, config.mentor.tokens_at_once, embed)[0]


def tune(
    mentor: Mentor,
    start: MultiExitEncoder,
    caches: list[Path],
    out: Path,
    config: Config,
    place: Device,
    *,
    minutes: float,
) -> bool:
    """Train until the minutes are used up; the caches take turns. Returns False when asked to stop.

    `out` then holds what was learned either way, and meanwhile what had been at the last saving.
    """
    c, budget = config.mentor, max(1e-9, minutes * 60)
    mean = replace(c, mentor_share=c.tune_share)
    known = read_lessons(caches, start.to(place.device).eval(), mean, place, of=mentor.id)
    ids = torch.from_numpy(mentor.ids).to(place.device)
    # Without dropout: its scores are compared with targets that were made without.
    mentor.model.eval()
    optimizer = torch.optim.AdamW(mentor.model.parameters(), lr=c.tune_learning_rate, weight_decay=c.weight_decay)
    for group in optimizer.param_groups:
        group["base_lr"] = c.tune_learning_rate
    smaller = replace(config, mentor=replace(c, batch_size=c.tune_batch_size))
    progress, began = runs.Progress(), time.monotonic()
    last_save = began
    waiting: list[dict[str, Tensor]] = []  # parts of steps since the last line

    def report() -> None:
        """Say what the steps since the last time gave, and make sure that they gave numbers."""
        if not waiting:
            return
        parts, seconds = taken_means(waiting), round(time.monotonic() - began, 1)
        emit("progress", phase="tune", step=progress.mentor_step, seconds=seconds, parts=parts)

    with runs.StopRequest() as stop:
        for lesson, rows in in_turns(caches, known, smaller, progress):
            now = time.monotonic()
            done = (now - began) / budget
            if stop.asked or done >= 1:
                break
            if now - last_save > config.train.checkpoint_minutes * 60:
                report()  # what is no number does not take the place of what was good
                save(mentor, out)
                last_save = now
            train.set_rates(optimizer, progress.mentor_step, done, c.tune_warmup_steps)
            with torch.autocast(place.device.type, torch.bfloat16, enabled=place.bf16):
                sides = [encode(mentor, ids, lesson, texts, config) for texts in (rows[:, 0], rows[:, 1])]
            parts = tune_loss(*sides, *lesson.wanted(rows, config.loss.false_negative_cosine), config)
            torch.stack(list(parts.values())).sum().backward()
            torch.nn.utils.clip_grad_norm_(mentor.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.mentor_step += 1
            waiting.append({name: part.detach() for name, part in parts.items()})
            if progress.mentor_step % config.train.log_every == 0:
                report()
    report()
    save(mentor, out)
    return not stop.asked


def save(mentor: Mentor, folder: Path) -> None:
    """The mentor and its tokenizer in Hugging Face's layout, in the place of what an earlier saving left."""
    try:
        with folder_written_whole(folder) as work:
            mentor.model.save_pretrained(work)
            mentor.tokenizer.save_pretrained(work)
    except OSError as error:
        raise UserError("mentor-unwritable", f"The tuned encoder cannot be written to {folder}: {error}.") from error
