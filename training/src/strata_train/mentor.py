"""A larger encoder, the mentor, teaches the upper layers what it finds alike.

`mentor-vectors` computes the mentor's vector of every text of a cache, once. `follow` trains the layers from
`[mentor] from_layer` on and the top's head, so that the top's scores within a batch become the mentor's. For the top's
vectors q, d, the mentor's p, c, the table's d_0 and what the top said at the start, q_t and d_t (all unit):

    L = mean over prefixes of KL(p·c ‖ q·d), by rows and by columns
      + relations · ½ [ KL(p·p ‖ q·q) + KL(c·c ‖ d·d) ]      a text's score with itself left out
      + cross_exit · KL(p·c ‖ q·d_0)                         so that top queries go on finding instant documents
      + anchor · [ (1 - cos(q, q_t)) + (1 - cos(d, d_t)) ]   and stay in the space of the other exits
      + contrastive · CE(q, d)

The mentor's own habit of drawing code of one language together is taken out of its vectors first. Everything below
`from_layer` is frozen and without dropout, so its states are computed once, and a pass costs the upper layers alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from strata_train import data, train
from strata_train.config import Config, MentorConfig
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import contrastive_loss, false_negatives
from strata_train.losses.distillation import score_distillation, vector_distillation
from strata_train.losses.matryoshka import over_prefixes
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder, attention_bias, unit
from strata_train.text import pad

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VECTORS = "mentor.npy"  # of a shard: float16 (texts, M), unit; a row of zeros has not been computed
BLOCK = 2048  # texts between two saves


# --- the mentor's vectors ---------------------------------------------------------------------------------------------


class Mentor:
    """A Hugging Face encoder whose vectors are the mean of its last states, and which has the start's vocabulary."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, place: Device) -> None:
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise UserError("transformers-missing", "Reading a mentor needs: pip install transformers.") from error
        try:
            own = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval().to(place.device)
        except (OSError, ValueError) as error:
            raise UserError("mentor-unreadable", f"The encoder in {folder} cannot be read: {error}.") from error
        special = {"[CLS]": own.cls_token, "[SEP]": own.sep_token, "[PAD]": own.pad_token, "[UNK]": own.unk_token}
        known, ours = own.get_vocab(), tokenizer.get_vocab()
        self.ids = np.zeros(max(ours.values()) + 1, np.int64)  # our token → the mentor's
        missing = 0
        for token, index in ours.items():
            found = known.get(special.get(token, token))
            missing += found is None
            self.ids[index] = known[own.unk_token] if found is None else found
        if missing > len(ours) // 100:
            raise UserError("mentor-vocabulary", f"The encoder in {folder} has other words: {missing} are unknown.")
        self.pad, self.place = own.pad_token_id, place

    @torch.no_grad()
    def encode(self, texts: list[np.ndarray]) -> np.ndarray:
        """Our token ids of B texts → (B, M), unit."""
        ids, mask = pad([self.ids[text] for text in texts], self.pad)
        mask = mask.to(self.place.device)
        states = self.model(input_ids=ids.to(self.place.device), attention_mask=mask).last_hidden_state
        weights = mask[:, :, None].to(states.dtype)
        return unit((states * weights).sum(dim=1) / weights.sum(dim=1)).cpu().numpy()


def add_vectors(shard: data.Shard, mentor: Mentor, tokens_per_batch: int = 4096) -> None:
    """Compute the rows of the shard's vectors that are missing, saving every `BLOCK` texts."""
    file, lengths = shard.folder / VECTORS, shard.lengths()
    vectors = np.load(file) if file.exists() else None
    missing = np.arange(len(shard)) if vectors is None else np.flatnonzero(~vectors.any(axis=1))
    for start in range(0, len(missing), BLOCK):
        block = missing[start : start + BLOCK]
        for part in data.by_length(lengths[block], tokens_per_batch):
            rows = mentor.encode([np.asarray(shard.text(index)) for index in block[part]])
            if vectors is None:
                vectors = np.zeros((len(shard), rows.shape[1]), np.float16)
            vectors[block[part]] = rows
        with data.written_whole(file) as work:
            np.save(work, vectors)
        emit(
            "progress",
            phase="mentor",
            shard=shard.folder.name,
            done=min(start + BLOCK, len(missing)),
            total=len(missing),
        )


def has_vectors(shard: data.Shard) -> bool:
    """Whether every text of the shard has its vector."""
    file = shard.folder / VECTORS
    return file.exists() and bool(np.load(file, mmap_mode="r").any(axis=1).all())


def mentor_vectors(shards: list[data.Shard], directions: int) -> list[np.ndarray]:
    """The mentor's vectors of each shard, without the `directions` in which languages' code differs most: unit."""
    every = [np.load(shard.folder / VECTORS).astype(np.float32) for shard in shards]
    if directions:
        leading = train.language_axes(np.concatenate(every), np.concatenate([s.languages for s in shards]), directions)
        every = [vectors - (vectors @ leading.T) @ leading for vectors in every]
    return [vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9) for vectors in every]


# --- following it -----------------------------------------------------------------------------------------------------


@dataclass
class FrozenStates:
    """What the layers below `from_layer` make of a shard's texts: float16 (tokens, H), texts one after the other."""

    shard: data.Shard
    values: np.ndarray

    @staticmethod
    @torch.no_grad()
    def compute(model: MultiExitEncoder, layers: int, shard: data.Shard, file: Path, place: Device) -> FrozenStates:
        """Through a file as large as the states: 0.8 GB for a million tokens of 384 numbers. It is made only once."""
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shape = (int(shard.offsets[-1]), model.config.hidden_size)
            with data.written_whole(file) as work:
                values = np.lib.format.open_memmap(work, "w+", np.float16, shape)
                for chosen in data.by_length(shard.lengths(), 8192):
                    ids, mask = (part.to(place.device) for part in pad([shard.text(index) for index in chosen]))
                    hidden, bias = model.embeddings(ids), attention_bias(mask)
                    for layer in model.layers[:layers]:
                        hidden = layer(hidden, bias)
                    for row, index in enumerate(chosen):
                        begin, end = shard.offsets[index : index + 2]
                        values[begin:end] = hidden[row, : end - begin].cpu().numpy()
                values.flush()
        return FrozenStates(shard, np.load(file, mmap_mode="r"))

    def batch(self, texts: np.ndarray, place: Device) -> tuple[Tensor, Tensor]:
        """Numbers of B texts → states (B, S, H) and the mask (B, S)."""
        bounds = [self.shard.offsets[text : text + 2] for text in texts]
        length = max(int(end - begin) for begin, end in bounds)
        states = np.zeros((len(texts), length, self.values.shape[1]), np.float32)
        mask = np.zeros((len(texts), length), np.int64)
        for row, (begin, end) in enumerate(bounds):
            states[row, : end - begin], mask[row, : end - begin] = self.values[begin:end], 1
        return torch.from_numpy(states).to(place.device), torch.from_numpy(mask).to(place.device)


def upper_embedding(model: MultiExitEncoder, states: Tensor, mask: Tensor, words: Tensor, from_layer: int) -> Tensor:
    """States below `from_layer` (B, S, H) and the table's embeddings (B, D) → the top's (B, D)."""
    bias = attention_bias(mask)
    for layer in model.layers[from_layer:]:
        states = layer(states, bias)
    embedding = model.exits[str(model.config.top)](states, mask, bias)
    return unit(embedding + model.config.top_residual * words) if model.config.top_residual else embedding


def follow_loss(
    top: tuple[Tensor, Tensor],
    mentor: tuple[Tensor, Tensor],
    start: tuple[Tensor, Tensor],
    instant_documents: Tensor,
    not_negative: Tensor,
    config: Config,
) -> tuple[Tensor, dict[str, float]]:
    """The formula above for queries and documents of B pairs (B, D; the mentor's B, M): the loss and its parts."""
    c, scale, widths = config.mentor, config.loss.logit_scale, config.model.matryoshka
    scores = scale * mentor[0] @ mentor[1].T
    parts = {
        "scores": over_prefixes(lambda q, d: follow_scores(q, d, scores, scale), top, widths),
        "relations": c.relations * sum(follow_relations(*pair, scale) for pair in zip(top, mentor, strict=True)) / 2,
        "cross": c.cross_exit * score_distillation(scale * top[0] @ instant_documents.T, scores),
        "anchor": c.anchor * sum(vector_distillation(*pair) for pair in zip(top, start, strict=True)),
        "contrastive": c.contrastive * contrastive_loss(*top, scale, not_negative),
    }
    return torch.stack(list(parts.values())).sum(), {name: float(part.detach()) for name, part in parts.items()}


def trained_parts(model: MultiExitEncoder, c: MentorConfig) -> torch.optim.Optimizer:
    """Everything is frozen but the layers from `from_layer` on and the top's head; with an optimizer for those."""
    if (
        not max(model.config.shared_layers(exit) for exit in model.config.exits[:-1])
        <= c.from_layer
        < model.config.layers
    ):
        raise UserError(
            "mentor-layers", f"[mentor] from_layer {c.from_layer} must lie between the last shared layer and the top."
        )
    model.requires_grad_(False)
    layers, head = (
        model.layers[c.from_layer :].requires_grad_(True),
        model.exits[str(model.config.top)].head.requires_grad_(True),
    )
    groups = [
        {"params": list(layers.parameters()), "base_lr": c.learning_rate},
        {"params": list(head.parameters()), "base_lr": c.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, lr=c.learning_rate, betas=(0.9, 0.98), weight_decay=c.weight_decay)


def follow(
    model: MultiExitEncoder,
    run: train.Run,
    cache: Path,
    place: Device,
    *,
    minutes: float,
    evaluate: train.Evaluate | None = None,
) -> bool:
    """Train until the minutes are used up. Returns False when asked to stop; a pass that is stopped begins again.

    `run.teacher_head` leads from the cached vectors of the frozen start to the space of all exits.
    """
    config, c, progress = run.config, run.config.mentor, run.progress
    assert model.table is not None and run.teacher_head is not None
    model.to(place.device).eval()  # no dropout anywhere, and frozen states must be those of the same network
    optimizer = trained_parts(model, c)
    run.restore("upper", optimizer)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    shards = [shard for shard in train.open_shards(cache) if has_vectors(shard)]
    if not shards:
        raise UserError("mentor-missing", f"No shard in {cache} has all of its mentor's vectors; run `mentor-vectors`.")
    vectors = mentor_vectors(shards, c.language_directions)
    files = [run.folder / "states" / f"{shard.folder.name}.npy" for shard in shards]
    states = [
        FrozenStates.compute(model, c.from_layer, shard, file, place) for shard, file in zip(shards, files, strict=True)
    ]
    head, tensor = run.teacher_head.to(place.device), lambda array: torch.from_numpy(array).to(place.device)
    share, budget = config.model.top_residual, minutes * 60
    last_save = last_evaluation = time.monotonic()
    began = last_save - progress.upper_seconds
    averages: dict[str, list[float]] = defaultdict(list)

    def embed(number: int, texts: np.ndarray, words: Tensor) -> Tensor:
        def piece(chosen: np.ndarray) -> Tensor:
            batch = states[number].batch(texts[chosen], place)
            return upper_embedding(model, *batch, words[torch.from_numpy(chosen)], c.from_layer)

        return train.in_pieces(states[number].shard.lengths()[texts], piece)

    def loss(batch: data.Batch, number: int) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            words = [train.bag(model.table, texts, place) for texts in (batch.query_ids, batch.document_ids)]
            teacher = [unit(tensor(raw) @ head.T) for raw in (batch.query_teacher, batch.document_teacher)]
        start = [unit(own + share * word) for own, word in zip(teacher, words, strict=True)]
        sides = (batch.queries, batch.documents)
        top = [embed(number, side, word) for side, word in zip(sides, words, strict=True)]
        mentor = [tensor(vectors[number][side]) for side in sides]
        mask = false_negatives(
            tensor(batch.definition), tensor(batch.query_key), mentor[1], config.loss.false_negative_cosine
        )
        return follow_loss((top[0], top[1]), (mentor[0], mentor[1]), (start[0], start[1]), words[1], mask, config)

    with train.StopRequest() as stop:
        while True:
            chance = np.random.default_rng((config.train.seed, 4000 + progress.upper_round))
            order = [
                (number, batch)
                for number, shard in enumerate(shards)
                for batch in data.batches(
                    shard,
                    c.batch_size,
                    config.train.group_size,
                    np.random.default_rng((config.train.seed, 5000 + progress.upper_round, number)),
                )
            ]
            for position in chance.permutation(len(order)):
                number, batch = order[position]
                progress.upper_seconds = time.monotonic() - began
                if stop.asked or progress.upper_seconds >= budget:
                    break
                train.set_rates(optimizer, progress.upper_step, progress.upper_seconds / budget, c.warmup_steps)
                value, parts = loss(batch, number)
                value.backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                if not torch.isfinite(value):
                    raise train.diverged()
                progress.upper_step += 1
                for name, part in {"loss": float(value.detach()), **parts}.items():
                    averages[name].append(part)
                if progress.upper_step % config.train.log_every == 0:
                    means = {name: sum(values) / len(values) for name, values in averages.items()}
                    emit(
                        "progress",
                        phase="upper",
                        step=progress.upper_step,
                        epoch=progress.upper_round + 1,
                        seconds=round(progress.upper_seconds, 1),
                        seconds_left=round(budget - progress.upper_seconds, 1),
                        loss=means.pop("loss"),
                        parts=means,
                    )
                    averages.clear()
                if evaluate and time.monotonic() - last_evaluation > config.train.evaluate_minutes * 60:
                    emit(
                        "metric",
                        phase="held-out",
                        step=progress.upper_step,
                        seconds=round(progress.upper_seconds, 1),
                        **evaluate(model),
                    )
                    last_evaluation = time.monotonic()
                if time.monotonic() - last_save > config.train.checkpoint_minutes * 60:
                    run.save(train.CHECKPOINT, model, upper=optimizer)
                    last_save = time.monotonic()
            else:
                progress.upper_round += 1
                continue
            break
    if not stop.asked:
        run.optimizers.pop("upper", None)
        run.save(train.CHECKPOINT, model)
        for file in files:
            file.unlink(missing_ok=True)
    else:
        run.save(train.CHECKPOINT, model, upper=optimizer)
    if evaluate:
        emit(
            "metric",
            phase="held-out",
            step=progress.upper_step,
            seconds=round(progress.upper_seconds, 1),
            **evaluate(model),
        )
    return not stop.asked
