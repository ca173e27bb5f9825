"""Training every exit at once behind a larger encoder, the mentor: what a GPU is for.

`mentor-vectors` computes the mentor's vector of every text of a cache, once. `follow` then trains trunk, exits and
table together. What a batch's texts should score with each other is a weighted mean of what the mentor finds and what
the encoder found at the start, which together find more (`experiments/learning.md`). In one vector: the target t is the
mentor's unit vector and the start's, one behind the other, weighed so that t·t' is that mean. For every exit e with its
unit vectors q_e, d_e, the top T, and targets t_q, t_d of B pairs of texts:

    L = Σ_e [ scores · KL(t_q·t_d ‖ q_e·d_e)                                  half by rows, half by columns
            + contrastive · CE(q_e, d_e) ]                                    likewise
      + relations · ½ [ KL(t_q·t_q ‖ q_T·q_T) + KL(t_d·t_d ‖ d_T·d_T) ]      a text's score with itself left out
      + Σ_{e<T} [ cross_exit · ( KL(t_q·t_d ‖ q_T·d_e) + CE(q_T, d_e) )      top queries find documents of every exit
                + vectors · ( (1 - cos(q_e, q_T)) + (1 - cos(d_e, d_T)) ) ]  the detached top: self-distillation

With `own_side`, CE(q_e, d_e; own side): texts of a pair's own side are negatives too (`losses/contrastive.py`).
`relations` and `vectors` are taken at full width, the others are means over the Matryoshka prefixes; KL in `cross_exit`
goes by rows. The mentor's own habit of drawing code of one language together is taken out of its vectors first, in the
directions that the texts of each cache show. Several caches of the same pairs, prepared with other `--draw`s, are
other views of them and take turns.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from strata_train import data, runs, train, turning
from strata_train.config import Config, MentorConfig
from strata_train.device import Device
from strata_train.events import UserError, emit
from strata_train.losses.contrastive import false_negatives, told_apart
from strata_train.losses.distillation import score_distillation, vector_distillation
from strata_train.losses.matryoshka import over_prefixes
from strata_train.losses.relations import follow_relations, follow_scores
from strata_train.model import MultiExitEncoder, set_rounding, unit, unit_rows
from strata_train.text import pad

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VECTORS = "mentor.npy"  # of a shard: float16 (texts, M), unit; a row of zeros has not been computed
WHOSE = "mentor.txt"  # beside it: the hash of the weights that gave them
BLOCK = 2048  # texts between two saves, where they take long


# --- the mentor's vectors ---------------------------------------------------------------------------------------------


class Mentor:
    """A Hugging Face encoder whose vectors are the mean of its last states, and which has the start's vocabulary."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, place: Device, *, half: bool = True) -> None:
        """`half`: in float16 where that is a GPU; what is to be trained stays in float32."""
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise UserError("transformers-missing", "Reading a mentor needs: pip install transformers.") from error
        if not folder.is_dir():  # which is taken for a name on a hub, and the failure then blamed on the connection
            raise UserError("mentor-unreadable", f"There is no folder {folder} with an encoder.")
        try:
            self.tokenizer = own = AutoTokenizer.from_pretrained(folder, local_files_only=True)
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
        self.id = weights_hash(folder)
        if half and place.device.type == "cuda":
            self.model = self.model.half()

    @torch.no_grad()
    def encode(self, texts: list[np.ndarray]) -> np.ndarray:
        """Our token ids of B texts → (B, M), unit."""
        ids, mask = (part.to(self.place.device) for part in pad([self.ids[text] for text in texts], self.pad))
        return self.embed(ids, mask).cpu().numpy()

    def embed(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The mentor's own token ids (B, S) and their mask → (B, M), unit."""
        states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weights = mask[:, :, None].float()
        return unit((states * weights).sum(dim=1) / weights.sum(dim=1))


def weights_hash(folder: Path) -> str:
    """What tells the encoder in `folder` from every other."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    return hashlib.sha256("".join(map(data.file_hash, files)).encode()).hexdigest()


def encode_all(mentor: Mentor, texts: list[np.ndarray]) -> np.ndarray:
    """Our token ids of N texts, one at least → (N, M), unit; in batches of similar length."""
    parts = list(data.by_length(np.array([len(text) for text in texts]), data.tokens_at_once(mentor.place.device)))
    rows = np.concatenate([mentor.encode([texts[index] for index in part]) for part in parts])
    return rows[np.argsort(np.concatenate(parts), kind="stable")]


def add_vectors(shard: data.Shard, mentor: Mentor) -> None:
    """Compute the rows of the shard's vectors that are missing, saving every `BLOCK` texts (on a GPU, all at once).

    Vectors of another mentor are made anew.
    """
    file = shard.folder / VECTORS
    if whose(shard) != mentor.id:
        file.unlink(missing_ok=True)
        (shard.folder / WHOSE).write_text(mentor.id, encoding="utf-8")
    vectors = np.load(file) if file.exists() else None
    missing = np.arange(len(shard)) if vectors is None else np.flatnonzero(~vectors.any(axis=1))
    size = BLOCK if mentor.place.device.type == "cpu" else max(1, len(shard))
    for start in range(0, len(missing), size):
        block = missing[start : start + size]
        rows = encode_all(mentor, [np.asarray(shard.text(index)) for index in block])
        if vectors is None:
            vectors = np.zeros((len(shard), rows.shape[1]), np.float16)
        vectors[block] = rows
        with data.written_whole(file) as work:
            np.save(work, vectors)
        done = min(start + size, len(missing))
        emit("progress", phase="mentor", shard=shard.folder.name, done=done, total=len(missing))


def whose(shard: data.Shard) -> str:
    """What tells the mentor whose vectors the shard has; "" where nothing says so."""
    file = shard.folder / WHOSE
    return file.read_text(encoding="utf-8") if file.exists() else ""


def has_vectors(shard: data.Shard) -> bool:
    """Whether every text of the shard has its vector."""
    file = shard.folder / VECTORS
    return file.exists() and bool(np.load(file, mmap_mode="r").any(axis=1).all())


def mentor_vectors(shards: list[data.Shard], directions: int) -> list[np.ndarray]:
    """The mentor's vectors of each shard, without the `directions` in which languages' code differs most: unit."""
    every = [np.load(shard.folder / VECTORS).astype(np.float32) for shard in shards]
    if directions:
        leading = turning.language_axes(
            np.concatenate(every), np.concatenate([s.languages for s in shards]), directions
        )
        return [without(vectors, leading) for vectors in every]
    return [unit_rows(vectors) for vectors in every]


def without(vectors: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """(N, M) without the directions `axes` (K, M), which are orthonormal: unit."""
    return unit_rows(vectors - (vectors @ axes.T) @ axes)


def together(mentor: np.ndarray, own: np.ndarray, share: float) -> np.ndarray:
    """Unit vectors (N, M) and (N, D), one behind the other: they score as the mean of both, `share` the mentor's."""
    return np.concatenate([share**0.5 * mentor, (1 - share) ** 0.5 * own], axis=1)


# --- what is learned from ---------------------------------------------------------------------------------------------


@dataclass
class Lesson:
    """A shard on the device: its texts, and the target of each. Some 2.5 KB a text for a mentor of 768 dimensions."""

    shard: data.Shard
    ids: Tensor  # int32 (T,): all texts, one after the other
    begins: Tensor  # int64 (N,): of each text in `ids`
    lengths: np.ndarray  # (N,)
    targets: Tensor  # float16 (N, M + D), unit
    keys: np.ndarray  # int64 (N,): equal for equal texts

    @staticmethod
    def of(shard: data.Shard, targets: Tensor, place: Device) -> Lesson:
        ids = torch.from_numpy(np.asarray(shard.ids).astype(np.int32)).to(place.device)
        begins = torch.from_numpy(shard.offsets[:-1].astype(np.int64)).to(place.device)
        return Lesson(
            shard,
            ids,
            begins,
            shard.lengths(),
            targets,
            np.array([shard.key_of(index) for index in range(len(shard))], np.int64),
        )

    def batch(self, texts: np.ndarray) -> tuple[Tensor, Tensor]:
        """Numbers of B texts → ids (B, S) and the mask (B, S), S a multiple of 8: kernels like that."""
        device = self.ids.device
        longest = -(-int(self.lengths[texts].max()) // 8) * 8
        chosen = torch.from_numpy(texts.astype(np.int64)).to(device)
        lengths = torch.from_numpy(self.lengths[texts]).to(device)[:, None]
        place = torch.arange(longest, device=device)[None]
        mask = place < lengths
        index = (self.begins[chosen][:, None] + place).clamp(max=len(self.ids) - 1)
        return self.ids[index].long() * mask, mask.long()

    def encoded(
        self, texts: np.ndarray, tokens_at_once: int, embed: Callable[[Tensor, Tensor], list[Tensor]]
    ) -> list[Tensor]:
        """What `embed` makes of the ids (b, S) and mask of B texts, in pieces of like length: (B, …) each, in order."""
        pieces = list(data.by_length(self.lengths[texts], tokens_at_once))
        outputs = [embed(*self.batch(texts[piece])) for piece in pieces]
        back = torch.from_numpy(np.argsort(np.concatenate(pieces), kind="stable")).to(self.ids.device)
        return [torch.cat(parts)[back] for parts in zip(*outputs, strict=True)]

    def wanted(self, rows: np.ndarray, duplicate_cosine: float) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Targets of both sides of the pairs `rows`, (B, M + D), and which of them are no negatives of each other."""
        tensor = lambda array: torch.from_numpy(array.astype(np.int64)).to(self.ids.device)  # noqa: E731
        queries, documents = (self.targets[tensor(texts)].float() for texts in (rows[:, 0], rows[:, 1]))
        keys = tensor(rows[:, 3]), tensor(self.keys[rows[:, 0]])
        return (queries, documents), false_negatives(*keys, documents, duplicate_cosine)


def read_lessons(
    caches: list[Path], start: MultiExitEncoder, c: MentorConfig, place: Device, *, of: str = ""
) -> dict[Path, list[Lesson]]:
    """What there is to learn from each of `caches`: the shards that have all of their mentor's vectors.

    Vectors of several mentors are an error, and of another than `of` (a `Mentor.id`) if it is given. Where a mentor
    has no share, its vectors are not needed, and all shards count.
    """
    if c.mentor_share:
        taught = {cache: taught_shards(cache, of) for cache in caches}
    else:
        taught = {cache: [data.Shard.open(folder) for folder in data.shard_folders(cache)] for cache in caches}
    if c.mentor_share and len({whose(shard) for shards in taught.values() for shard in shards}) > 1:
        raise UserError(
            "mentor-mixed", "The caches have vectors of more than one mentor; run `mentor-vectors` on all of them."
        )
    known: dict[Path, list[Lesson]] = {}
    for cache, shards in taught.items():
        known[cache] = lessons(start, shards, c, place)
        emit("progress", phase="targets", done=len(known), total=len(taught))
    return known


def taught_shards(cache: Path, of: str = "") -> list[data.Shard]:
    """The shards of a cache that have all of their mentor's vectors, one at least; `of` as in `read_lessons`."""
    shards = [shard for shard in map(data.Shard.open, data.shard_folders(cache)) if has_vectors(shard)]
    if not shards:
        raise UserError("mentor-missing", f"No shard in {cache} has all of its mentor's vectors; run `mentor-vectors`.")
    if of and any(whose(shard) != of for shard in shards):
        raise UserError("mentor-other", f"The vectors in {cache} are another mentor's; run `mentor-vectors`.")
    return shards


def lessons(start: MultiExitEncoder, shards: list[data.Shard], c: MentorConfig, place: Device) -> list[Lesson]:
    """Targets of every text: the mentor's vector and what the top of `start` says, one behind the other."""
    top, found = start.config.top, []
    alone = [np.zeros((len(shard), 0), np.float32) for shard in shards]
    mentors = mentor_vectors(shards, c.language_directions) if c.mentor_share else alone
    for shard, mentor in zip(shards, mentors, strict=True):
        texts = [np.asarray(shard.text(index)) for index in range(len(shard))]
        own = data.encode_texts(start, texts, (top,), device=place.device, autocast=place.bf16)[top]
        targets = together(mentor, own, c.mentor_share).astype(np.float16)
        found.append(Lesson.of(shard, torch.from_numpy(targets).to(place.device), place))
    return found


# --- following it -----------------------------------------------------------------------------------------------------


def follow_loss(
    queries: train.Embeddings,
    documents: train.Embeddings,
    targets: tuple[Tensor, Tensor],
    not_negative: Tensor,
    config: Config,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The formula above for B pairs: (B, D) by exit, targets (B, M + D) → the loss and its parts, on the device."""
    c, scale, widths, top = config.mentor, config.loss.logit_scale, config.model.matryoshka, config.model.top
    scores = scale * targets[0] @ targets[1].T

    def scored(pair: tuple[Tensor, Tensor]) -> Tensor:
        return over_prefixes(lambda q, d: follow_scores(q, d, scores, scale), pair, widths)

    parts: dict[str, Tensor] = {}
    for exit in queries:
        own = queries[exit], documents[exit]
        parts[f"{exit}/scores"] = c.scores * scored(own)
        parts[f"{exit}/contrastive"] = c.contrastive * told_apart(own, scale, not_negative, widths, own_side=c.own_side)
        if exit < top:
            across = queries[top].detach(), documents[exit]
            followed = over_prefixes(lambda q, d: score_distillation(scale * q @ d.T, scores), across, widths)
            parts[f"{exit}/cross"] = c.cross_exit * (followed + told_apart(across, scale, not_negative, widths))
            pairs = zip(own, (queries[top], documents[top]), strict=True)
            parts[f"{exit}/vectors"] = c.vectors * sum(vector_distillation(*pair) for pair in pairs)
    sides = ((queries[top], targets[0]), (documents[top], targets[1]))
    parts[f"{top}/relations"] = c.relations * sum(follow_relations(*side, scale) for side in sides) / 2
    return torch.stack(list(parts.values())).sum(), {name: part.detach() for name, part in parts.items()}


def compile_layers(model: torch.nn.Module, place: Device) -> None:
    """Fuse what stands between the matrix products of every layer; on a GPU alone, where half a minute of it pays."""
    if place.device.type != "cuda":
        return
    for module in model.modules():
        if isinstance(module, torch.nn.ModuleList):
            for layer in module:
                layer.compile(dynamic=True)


def taken_means(waiting: list[dict[str, Tensor]]) -> dict[str, float]:
    """The mean of every part over the steps that wait to be told, one at least; what is no number ends the run."""
    means = {name: float(torch.stack([parts[name] for parts in waiting]).mean()) for name in waiting[0]}
    waiting.clear()
    if not np.isfinite(list(means.values())).all():
        raise train.diverged()
    return means


def optimizer_for(model: MultiExitEncoder, c: MentorConfig) -> torch.optim.Optimizer:
    """AdamW over everything, with a rate per part of the model."""
    rates: dict[tuple[float, float], list[torch.nn.Parameter]] = defaultdict(list)  # by rate and weight decay
    for name, parameter in model.named_parameters():
        if name == "table.weight":
            rate = c.token_weight_learning_rate
        elif name == "table.table.weight":
            rate = c.table_learning_rate
        elif name.startswith("table.block."):
            rate = c.table_block_learning_rate
        elif name.startswith("table.attention."):
            rate = c.table_attention_learning_rate
        elif name.startswith("embeddings."):
            rate = c.embedding_learning_rate
        elif name.startswith("layers.") or ".layers." in name:
            rate = c.learning_rate
        else:
            rate = c.head_learning_rate
        parameter.requires_grad_(rate > 0)
        if rate > 0:  # most rows of the table are in few batches, and would only decay
            rates[rate, 0.0 if name in ("table.weight", "table.table.weight") else c.weight_decay].append(parameter)
    groups = [
        {"params": parameters, "base_lr": rate, "weight_decay": decay} for (rate, decay), parameters in rates.items()
    ]
    fused = next(model.parameters()).device.type != "mps"
    return torch.optim.AdamW(groups, lr=c.learning_rate, betas=(0.9, 0.98), fused=fused)


def batches(every: list[Lesson], config: Config, round: int) -> Iterator[tuple[Lesson, np.ndarray]]:
    """One pass in random order: rows (query text, document text, group, definition) of a lesson, (B, 4)."""
    order = [
        (lesson, rows)
        for number, lesson in enumerate(every)
        for rows in data.rows_of_batches(
            lesson.shard,
            config.mentor.batch_size,
            config.train.group_size,
            np.random.default_rng((config.train.seed, 5000 + round, number)),
        )
    ]
    for position in np.random.default_rng((config.train.seed, 4000 + round)).permutation(len(order)):
        yield order[position]


def in_turns(
    caches: list[Path], known: dict[Path, list[Lesson]], config: Config, progress: runs.Progress
) -> Iterator[tuple[Lesson, np.ndarray]]:
    """Batches without end: a pass over each cache in turn, counted in `progress`."""
    while True:
        cache, found = caches[progress.mentor_round % len(caches)], False
        for batch in batches(known[cache], config, progress.mentor_round):
            found = True
            yield batch
        if not found:
            raise train.no_batch(cache)
        progress.mentor_round += 1


def step_loss(
    model: MultiExitEncoder, lesson: Lesson, rows: np.ndarray, config: Config, place: Device
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of the pairs `rows` of a lesson, with gradient."""
    exits = config.model.exits

    def embed(ids: Tensor, mask: Tensor) -> list[Tensor]:
        outputs = model(ids, mask, exits=exits)
        return [outputs[exit].embedding for exit in exits]

    with torch.autocast(place.device.type, torch.bfloat16, enabled=place.bf16):
        sides = [lesson.encoded(texts, config.mentor.tokens_at_once, embed) for texts in (rows[:, 0], rows[:, 1])]
    queries, documents = (dict(zip(exits, side, strict=True)) for side in sides)
    return follow_loss(queries, documents, *lesson.wanted(rows, config.loss.false_negative_cosine), config)


def follow(
    model: MultiExitEncoder,
    start: MultiExitEncoder,
    run: runs.Run,
    caches: list[Path],
    place: Device,
    *,
    minutes: float,
    evaluate: train.Evaluate | None = None,
) -> bool:
    """Train until the steps or the minutes are used up; the caches take turns. Returns False when asked to stop.

    `start` is what the model was when the run began. A pass that is stopped begins again.
    """
    config, c, progress = run.config, run.config.mentor, run.progress
    model.to(place.device).train()
    start.to(place.device).eval()
    known = read_lessons(caches, start, c, place)
    set_rounding(model, c.rounding)
    if c.compiled:
        compile_layers(model, place)
    optimizer = optimizer_for(model, c)
    run.restore("mentor", optimizer)
    budget = max(1e-9, minutes * 60)
    last_save = last_evaluation = time.monotonic()
    began = last_save - progress.mentor_seconds
    waiting: list[dict[str, Tensor]] = []  # parts of steps since the last line: reading one waits for the device

    def report() -> None:
        """Say what the steps since the last time gave, and make sure that they gave numbers."""
        if not waiting:
            return
        means = taken_means(waiting)
        emit(
            "progress",
            phase="mentor",
            step=progress.mentor_step,
            epoch=progress.mentor_round + 1,
            seconds=round(progress.mentor_seconds, 1),
            seconds_left=round(budget - progress.mentor_seconds, 1),
            loss=means.pop("loss"),
            parts=means,
        )

    def save() -> None:
        report()  # what is no number does not take the place of the last good checkpoint
        run.save(runs.CHECKPOINT, model, mentor=optimizer)

    def measure() -> None:
        if evaluate:
            model.eval()
            seconds = round(progress.mentor_seconds, 1)
            with torch.compiler.set_stance("force_eager"):  # compiling for a few texts would take longer
                figures = evaluate(model)
            emit("metric", phase="held-out", step=progress.mentor_step, seconds=seconds, **figures)
            model.train()

    with runs.StopRequest() as stop:
        for lesson, rows in in_turns(caches, known, config, progress):
            progress.mentor_seconds = time.monotonic() - began
            done = max(progress.mentor_step / config.train.steps, progress.mentor_seconds / budget)
            if stop.asked or done >= 1:
                break
            train.set_rates(optimizer, progress.mentor_step, done, c.warmup_steps)
            value, parts = step_loss(model, lesson, rows, config, place)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            progress.mentor_step += 1
            waiting.append({"loss": value.detach(), **parts})
            if progress.mentor_step % config.train.log_every == 0:
                report()
            if time.monotonic() - last_evaluation > config.train.evaluate_minutes * 60:
                measure()
                last_evaluation = time.monotonic()
            if time.monotonic() - last_save > config.train.checkpoint_minutes * 60:
                save()
                last_save = time.monotonic()
    save()
    if not stop.asked:
        measure()
    set_rounding(model, False)
    return not stop.asked
