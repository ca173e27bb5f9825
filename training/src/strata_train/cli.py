"""The command line: `python -m strata_train <command>`. Parses, calls, and turns failures into one JSON error event."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from strata_train import dedup, translate, written
from strata_train.events import UserError, emit, reason
from strata_train.objectives import command as pretraining

if TYPE_CHECKING:
    from strata_train.config import Config
    from strata_train.device import Device
    from strata_train.mentor import Mentor
    from strata_train.model import MultiExitEncoder
    from strata_train.runs import Run
    from strata_train.text import TextEncoder


# As PyTorch, oneDNN and ONNX Runtime say it.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "could not create a primitive",
    "bad_alloc",
    "bad allocation",
)


def main(arguments: list[str] | None = None) -> None:
    """Run one command. Exit status 0: done; 1: an expected failure, named in an `error` event; 2: a command that is
    not there or lacks something; 130: interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        with _terminated_as_interrupted():
            options.run(options)
    except UserError as error:
        emit("error", code=error.code, message=error.sentence)
        sys.exit(130 if error.code == "interrupted" else 1)
    except KeyboardInterrupt:
        emit("error", code="interrupted", message="Interrupted before the end.")
        sys.exit(130)
    except Exception as error:  # every failure must reach the caller as an event; the details go to stderr
        traceback.print_exc()
        code, sentence = _explain(error)
        emit("error", code=code, message=sentence)
        sys.exit(1)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does, with an event; what can save and go on handles both itself.

    Not under torchrun: its processes wait for each other where Python sees no signal.
    """
    if "WORLD_SIZE" in os.environ:
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _explain(error: Exception) -> tuple[str, str]:
    """A code and a sentence for a failure that nothing foresaw."""
    said = str(error).lower()
    if isinstance(error, MemoryError) or any(words in said for words in OUT_OF_MEMORY):
        return "out-of-memory", "There was not enough memory; close other programs, or use fewer pairs or minutes."
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "no space left" in said:
        return "disk-full", "The disk is full; free some space and try again."
    return "internal", f"Training failed unexpectedly: {type(error).__name__}: {error}"


class _Parser(argparse.ArgumentParser):
    """Tells a wrong command line as every other failure: by an event."""

    def error(self, message: str) -> NoReturn:
        emit("error", code="usage", message=f"{message[0].upper()}{message[1:]}; see `{self.prog} --help`.")
        sys.exit(2)


def _above_zero(text: str) -> float:
    """Minutes of a time budget."""
    if not (number := float(text)) > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="strata_train", description="Train, measure and export Strata's encoder.")
    commands = parser.add_subparsers(required=True, metavar="command")

    base = commands.add_parser("export-base", help="export the untouched start as a model folder")
    base.add_argument("--out", type=Path, required=True)
    base.set_defaults(run=_export_base)

    prepare = commands.add_parser("prepare", help="tokenise pairs into shards and compute the teacher's vectors")
    _data_options(prepare)
    prepare.add_argument("--draw", type=int, default=0, help="other views of the same pairs, for another cache")
    prepare.add_argument("--texts-only", action="store_true", help="no vectors: `follow` does without")
    prepare.set_defaults(run=_prepare)

    train = commands.add_parser("train", help="train an encoder on mined pairs")
    _data_options(train)
    train.add_argument("--run", type=Path, required=True, dest="folder", help="folder for checkpoints and log")
    train.add_argument("--minutes", type=_above_zero, help="time budget of the layers phase")
    train.add_argument("--table-minutes", type=_above_zero, help="time budget of the table phase")
    train.add_argument("--phase", choices=("all", "layers", "table", "head"), default="all")
    train.add_argument("--start", type=Path, help="a model folder or a checkpoint (.pt) to go on from")
    train.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    train.set_defaults(run=_train)

    mentor = commands.add_parser("mentor-vectors", help="compute a larger encoder's vector of every text of caches")
    mentor.add_argument("--mentor", type=Path, required=True, help="its folder, in Hugging Face's layout")
    mentor.add_argument("--cache", type=Path, nargs="+", required=True)
    mentor.add_argument("--shards", type=int, default=0, help="only the first so many shards; 0: all")
    _place_options(mentor)
    mentor.set_defaults(run=_mentor_vectors)

    tune = commands.add_parser("tune-mentor", help="train a larger encoder on what it shall teach")
    tune.add_argument("--config", type=Path, required=True)
    tune.add_argument("--mentor", type=Path, required=True, help="its folder, in Hugging Face's layout")
    tune.add_argument("--cache", type=Path, nargs="+", required=True, help="with its vectors; they take turns")
    tune.add_argument("--start", type=Path, required=True, help="the model folder or checkpoint (.pt) it will teach")
    tune.add_argument("--out", type=Path, required=True, help="the new folder to write, meanwhile and when stopped too")
    tune.add_argument("--minutes", type=_above_zero, required=True)
    _place_options(tune)
    tune.set_defaults(run=_tune_mentor)

    follow = commands.add_parser("follow", help="train every exit to find alike what the mentor finds alike")
    follow.add_argument("--config", type=Path, required=True)
    follow.add_argument("--cache", type=Path, nargs="+", required=True, help="they take turns, a pass each")
    follow.add_argument("--run", type=Path, required=True, dest="folder", help="folder for checkpoints and log")
    follow.add_argument("--start", type=Path, required=True, help="a model folder or a checkpoint (.pt) to go on from")
    follow.add_argument("--minutes", type=_above_zero, required=True)
    follow.add_argument("--resume", action="store_true", help="go on from the run's checkpoint")
    _place_options(follow)
    follow.set_defaults(run=_follow)

    for name, help in (
        ("heads", "train heads and exit 0 over what the layers say already"),
        ("instant", "train exit 0 alone after the top, on more texts than there are pairs"),
    ):
        heads = commands.add_parser(name, help=help)
        heads.add_argument("--config", type=Path, required=True)
        heads.add_argument("--pairs", type=Path, nargs="+", required=True, help="JSON lines; some with `code_b`")
        heads.add_argument("--limit", type=int, default=3000, help="of each file, so many pairs without `code_b`")
        if name == "instant":
            heads.add_argument("--texts", type=int, default=12000, help="the same, for texts that stand in no pair")
        heads.add_argument("--exclude", type=Path, help="list made by hash-evaluation")
        heads.add_argument("--run", type=Path, required=True, dest="folder", help="folder for checkpoint and log")
        heads.add_argument("--start", type=Path, required=True, help="the model folder to go on from")
        _place_options(heads)
        heads.set_defaults(run=_heads, command=name)

    dedup.add_commands(commands)  # dedup, hash-evaluation
    translate.add_commands(commands)
    written.add_command(commands)
    pretraining.add_commands(commands)

    export = commands.add_parser("export", help="write a run's weights as a model folder")
    export.add_argument("--run", type=Path, required=True, dest="folder")
    export.add_argument("--out", type=Path, required=True, help="the last part of the path becomes the model's id")
    export.add_argument("--version", default="1.0.0")
    export.add_argument("--description", default="a multi-exit code encoder")
    export.add_argument("--quality", type=Path, help="JSON written by `evaluate`, to be kept in the manifest")
    export.set_defaults(run=_export)

    renew = commands.add_parser("renew", help="write a model folder anew, with the graphs this package writes now")
    renew.add_argument("--model", type=Path, required=True)
    renew.add_argument("--out", type=Path, required=True)
    renew.add_argument("--version", required=True)
    renew.add_argument("--kept-dims", type=int, default=0, help="how many dimensions an index keeps; 0: as before")
    renew.add_argument(
        "--breadcrumb-weight", type=int, default=0, help="as how many tokens one of a breadcrumb counts; 0: as before"
    )
    renew.add_argument("--text-preparation", default="", help="the name of another one; as before without it")
    renew.add_argument("--top-residual", type=float, help="share of exit 0 in the top; as before without it")
    renew.add_argument("--quality", type=Path, help="JSON written by `evaluate`, to be kept in the manifest")
    renew.set_defaults(run=_renew)

    evaluate = commands.add_parser(
        "evaluate", help="every set, every exit, every width, and the query × document matrix"
    )
    evaluate.add_argument("--model", type=Path, required=True, help="a model folder, or a run's checkpoint (.pt)")
    evaluate.add_argument("--sets", type=Path, required=True, help="a folder of judged sets")
    evaluate.add_argument("--queries", type=int, default=0, help="at most so many queries of each set")
    evaluate.add_argument("--documents", type=int, default=0, help="at most so many documents of each set")
    evaluate.add_argument("--code-tokens", type=int, default=0, help="cut code here; 0: the model's own limit")
    evaluate.add_argument("--json", type=Path, help="write the figures here")
    evaluate.add_argument("--markdown", type=Path, help="write the tables here")
    evaluate.add_argument("--picture", type=Path, help="write the picture here")
    evaluate.add_argument("--threads", type=int, default=2)
    evaluate.set_defaults(run=_evaluate)

    plot = commands.add_parser("plot", help="draw the curves of a run's log")
    plot.add_argument("--log", type=Path, required=True)
    plot.add_argument("--out", type=Path, required=True)
    plot.set_defaults(run=_plot)

    finetune = commands.add_parser("finetune", help="adapt a model folder to one workspace")
    finetune.add_argument("--pairs", type=Path, required=True, help="mined pairs, JSON lines")
    finetune.add_argument("--start", type=Path, required=True, help="the model folder to begin with")
    finetune.add_argument("--in-use", type=Path, help="the model folder that it must be better than, if not --start")
    finetune.add_argument("--out", type=Path, required=True, help="the model folder to write")
    finetune.add_argument("--minutes", type=_above_zero, default=10)
    _place_options(finetune)
    finetune.add_argument("--resume", action="store_true")
    finetune.set_defaults(run=_finetune)
    return parser


def _data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="a TOML file, see configs/")
    parser.add_argument("--pairs", type=Path, required=True, help="mined pairs: a JSON-lines file or a folder of them")
    parser.add_argument("--cache", type=Path, required=True, help="folder for shards and teacher vectors")
    parser.add_argument("--teacher", type=Path, help="a model folder or a checkpoint (.pt), not the untouched start")
    parser.add_argument("--exclude", type=Path, help="list made by hash-evaluation")
    _place_options(parser)


def _place_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves it to PyTorch")


def _pair_files(path: Path) -> list[Path]:
    files = sorted([*path.glob("*.jsonl"), *path.glob("*.jsonl.gz")]) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise UserError("pairs-missing", f"There are no pairs (*.jsonl or *.jsonl.gz) at {path}.")
    return files


def _place(options: argparse.Namespace, settings: Config) -> Device:
    from strata_train import device

    place = device.choose(options.device, options.threads)
    return replace(place, bf16=place.bf16 and settings.train.precision == "bf16")


def _text(settings: Config) -> TextEncoder:
    """The start's tokenizer, with the instructions that the model learns or has learned with."""
    from strata_train import model, text

    tokenizer = model.start_folder() / "tokenizer.json"
    return text.TextEncoder(tokenizer, settings.text.query_instruction, settings.text.code_instruction)


def _teacher(options: argparse.Namespace) -> tuple[MultiExitEncoder, str]:
    """Whose vectors are cached, and a name that tells them from others'."""
    from strata_train import model

    if options.teacher:
        return _model(options.teacher), _identity(options.teacher)
    return model.from_minilm().eval(), "all-MiniLM-L6-v2"


def _build_shards(options: argparse.Namespace, settings: Config, text: TextEncoder, teacher: str) -> None:
    from strata_train import data

    data.build_shards(
        _pair_files(options.pairs),
        options.cache,
        text,
        settings.data,
        settings.text,
        held_out_share=settings.train.held_out_share,
        seed=settings.train.seed,
        exclusions=dedup.EvaluationHashes.load(options.exclude) if options.exclude else None,
        teacher=teacher,
        draw=getattr(options, "draw", 0),
        workers=options.threads,
    )


def _prepare(options: argparse.Namespace) -> None:
    from strata_train import config, data

    settings = config.load(options.config)
    place = _place(options, settings)
    if options.texts_only:
        _build_shards(options, settings, _text(settings), "none")
        emit("result", command="prepare", shards=len(data.shard_folders(options.cache)))
        return
    teacher, teacher_name = _teacher(options)
    _build_shards(options, settings, _text(settings), teacher_name)
    folders = data.shard_folders(options.cache)
    data.add_teachers(folders, teacher.to(place.device), device=place.device, autocast=place.bf16)
    emit("result", command="prepare", shards=len(folders))


def _train(options: argparse.Namespace) -> None:
    import torch

    from strata_train import config, data, evaluate, events, processes, runs, train

    settings = config.load(options.config)
    runs.refuse_old_run(options.folder, options.resume)
    place = _place(options, settings)
    processes.start_distributed(place)
    events.log_to(options.folder / "log.jsonl")
    torch.manual_seed(settings.train.seed)
    encoder = _text(settings)
    if not processes.is_first_process():
        events.silence()
        processes.wait_for_all()  # the first process builds the shards for all
    teacher, teacher_name = _teacher(options)
    _build_shards(options, settings, encoder, teacher_name)
    if processes.is_first_process():
        processes.wait_for_all()
    rank, world = processes.rank_and_world()
    data.add_teachers(
        data.shard_folders(options.cache)[rank::world],
        teacher.to(place.device),
        device=place.device,
        autocast=place.bf16,
    )
    processes.wait_for_all()
    run = runs.Run(options.folder, settings)
    student = _student(options, settings, run, teacher, teacher_name).to(place.device)
    processes.wait_for_all()  # everybody has read what the first process now writes
    if not options.resume:
        run.save(runs.CHECKPOINT, student)  # a stop in the first phase has something to go on from
    held_out = evaluate.HeldOut.read(options.cache / "held-out.jsonl", encoder, settings)
    measure = held_out.figures if held_out.queries else None  # a small corpus may have no file to hold out
    finished = train.train_phases(
        student,
        run,
        options.cache,
        place,
        options.phase,
        minutes=options.minutes,
        table_minutes=options.table_minutes,
        evaluate=measure,
    )
    emit("result", command="train", finished=finished, step=run.progress.step, run=str(options.folder))


def _student(
    options: argparse.Namespace, settings: Config, run: Run, teacher: MultiExitEncoder, teacher_name: str
) -> MultiExitEncoder:
    """What `train` begins or goes on with; `run` learns through which head the teacher's cached vectors go."""
    import numpy as np
    import torch

    from strata_train import model, train, turning

    student = model.from_minilm(settings.model)
    if options.resume:
        run.resume(student)
        if run.progress.teacher != teacher_name:
            raise UserError(
                "teacher-mismatch", f"The run in {options.folder} began with another --teacher; give the same."
            )
        return student
    run.progress.teacher = teacher_name
    if options.start:
        # `train` leaves the trunk as it is, so the teacher's cached vectors lead to the folder's through its head.
        _go_on_from(options.start, student, teacher.cpu(), run, trunk_follows=bool(options.teacher))
    if options.teacher:
        train.take_trunk(student, teacher, options.teacher, copies=not options.start)
        run.teacher_head = torch.eye(settings.model.dims)  # its cached vectors have gone through its head
    if settings.train.rotate and not options.start:
        first = train.open_shards(options.cache)[0]
        run.teacher_head = torch.from_numpy(turning.principal_axes(np.asarray(first.teacher(), np.float32)))
        turning.turn_heads(student, run.teacher_head)
    if settings.train.language_directions:
        shards = train.open_shards(options.cache)
        head = torch.eye(settings.model.dims) if run.teacher_head is None else run.teacher_head
        change = turning.without_languages(shards, head, settings.train.language_directions)
        turning.turn_heads(student, change)
        run.teacher_head = change @ head
    return student


def _mentor(options: argparse.Namespace, place: Device, *, half: bool = True) -> Mentor:
    from tokenizers import Tokenizer

    from strata_train import mentor, model

    tokenizer = Tokenizer.from_file(str(model.start_folder() / "tokenizer.json"))
    return mentor.Mentor(options.mentor, tokenizer, place, half=half)


def _mentor_vectors(options: argparse.Namespace) -> None:
    from strata_train import data, device, mentor

    teacher = _mentor(options, device.choose(options.device, options.threads))
    folders = [folder for cache in options.cache for folder in data.shard_folders(cache)[: options.shards or None]]
    for folder in folders:
        mentor.add_vectors(data.Shard.open(folder), teacher)
    emit("result", command="mentor-vectors", shards=len(folders))


def _tune_mentor(options: argparse.Namespace) -> None:
    import torch

    from strata_train import config, tune_mentor

    settings = config.load(options.config)
    place = _place(options, settings)
    if options.out.exists():
        raise UserError("out-exists", f"{options.out} is there already; choose a new folder.")
    torch.manual_seed(settings.train.seed)
    teacher = _mentor(options, place, half=False)
    finished = tune_mentor.tune(
        teacher, _model(options.start), options.cache, options.out, settings, place, minutes=options.minutes
    )
    emit("result", command="tune-mentor", finished=finished, out=str(options.out))


def _follow(options: argparse.Namespace) -> None:
    import copy

    import torch

    from strata_train import config, evaluate, events, mentor, model, runs

    settings = config.load(options.config)
    runs.refuse_old_run(options.folder, options.resume)
    place = _place(options, settings)
    events.log_to(options.folder / "log.jsonl")
    torch.manual_seed(settings.train.seed)
    start = model.with_table_parts(_model(options.start), settings.model)
    if start.config != settings.model:
        raise UserError("shape-mismatch", f"{options.start} has another shape than the [model] settings ask for.")
    student, run = copy.deepcopy(start), runs.Run(options.folder, settings)
    begun = _identity(options.start)
    if options.resume:
        run.resume(student)
        if run.progress.teacher != begun:
            raise UserError(
                "teacher-mismatch", f"The run in {options.folder} began with another --start; give the same."
            )
    run.progress.teacher = begun
    held_out = evaluate.HeldOut.read(options.cache[0] / "held-out.jsonl", _text(settings), settings)
    measure = held_out.figures if held_out.queries else None
    finished = mentor.follow(student, start, run, options.cache, place, minutes=options.minutes, evaluate=measure)
    emit("result", command="follow", finished=finished, step=run.progress.mentor_step, run=str(options.folder))


def _heads(options: argparse.Namespace) -> None:
    """Both of `heads` and `instant`, the one with more texts to draw."""
    import torch

    from strata_train import config, dedup, events, heads, instant, runs

    settings = config.load(options.config)
    place = _place(options, settings)
    exclusions = dedup.EvaluationHashes.load(options.exclude) if options.exclude else None
    runs.refuse_old_run(options.folder, None)
    run = runs.Run(options.folder, settings)
    events.log_to(options.folder / "log.jsonl")
    torch.manual_seed(settings.train.seed)
    texts = heads.draw(options.pairs, settings, options.limit, exclusions)
    if options.command == "instant":
        alone = instant.draw(options.pairs, texts[0], settings, options.texts, exclusions)
        instant.run_instant(options.start, (*texts, alone), run, place, options.threads)
    else:
        heads.run_heads(options.start, texts, run, place, options.threads)
    emit("result", command=options.command, run=str(options.folder))


def _go_on_from(
    start: Path, student: MultiExitEncoder, untouched: MultiExitEncoder, run: Run, *, trunk_follows: bool
) -> None:
    """The weights of `start` into the student, with the floats of the `untouched` start where they were rounded.

    The cached vectors of the untouched start stand for the student's own trunk, so it must be the same, or follow.
    """
    from strata_train import folder_weights, model, runs

    begun = model.with_table_parts(_model(start), student.config)
    runs.load_weights(student, begun.state_dict(), start)
    same = folder_weights.unround(student, untouched)
    if not trunk_follows and not {name for name in student.state_dict() if name.startswith("layers.")} <= same:
        raise UserError(
            "trunk-other",
            f"The layers of {start} are not those of the start whose vectors the cache holds; "
            "give it, or the checkpoint that it was exported from, by --teacher.",
        )
    run.teacher_head = student.exits[str(student.config.top)].head.weight.detach().clone()
    run.progress.from_folder = True


def _model(path: Path) -> MultiExitEncoder:
    """A run's checkpoint (.pt), or a model folder's weights made float again."""
    from strata_train import folder_weights

    return (_checkpoint(path)[0] if path.suffix == ".pt" else folder_weights.read_model(path)).eval()


def _identity(path: Path) -> str:
    """What tells the model at `path` from every other."""
    from strata_train import data

    return data.file_hash(path if path.suffix == ".pt" else path / "manifest.json")


def _checkpoint(file: Path) -> tuple[MultiExitEncoder, Config]:
    """The model of a run's checkpoint, and the settings in the run's `config.json`, which lies beside it."""
    from strata_train import config, runs
    from strata_train.model import MultiExitEncoder

    state = runs.read_checkpoint(file)
    settings = config.load(file.parent / "config.json")
    encoder = MultiExitEncoder(settings.model)
    runs.load_weights(encoder, state["model"], file)
    return encoder.eval(), settings


def _json_file(file: Path) -> dict[str, Any]:
    import json

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("json-unreadable", f"The file {file} cannot be read: {reason(error)}.") from error
    if not isinstance(content, dict):
        raise UserError("json-unreadable", f"The file {file} was not written by `evaluate`.")
    return content


def _export(options: argparse.Namespace) -> None:
    from strata_train import export, runs

    quality = _quality(options.quality)
    encoder, settings = _checkpoint(options.folder / runs.CHECKPOINT)
    manifest = export.export_folder(
        encoder,
        _text(settings),
        options.out,
        id=options.out.name,
        version=options.version,
        description=options.description,
        shared_space=True,
    )
    _exported("export", options.out, manifest, quality)


def _renew(options: argparse.Namespace) -> None:
    from strata_train import folder_weights

    quality = _quality(options.quality)
    manifest = folder_weights.renew(
        options.model,
        options.out,
        options.version,
        options.kept_dims,
        options.breadcrumb_weight,
        options.text_preparation,
        options.top_residual,
    )
    _exported("renew", options.out, manifest, quality)


def _quality(file: Path | None) -> dict[str, Any]:
    from strata_train import evaluate

    return evaluate.summary(_json_file(file)) if file else {}


def _exported(command: str, out: Path, manifest: dict[str, Any], quality: dict[str, Any]) -> None:
    """Write down what was measured of a folder that has just been written."""
    from strata_train import export, runtime

    manifest["quality"] = {**quality, "cosine of int8 to float32": runtime.int8_cosines(out)}
    export.write_manifest(out, manifest)
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    emit("result", command=command, folder=str(out), bytes=size)


def _evaluate(options: argparse.Namespace) -> None:
    import json

    from strata_train import evaluate, plot

    if options.model.suffix == ".pt":
        encoder, settings = _checkpoint(options.model)
        encode, widths = evaluate.model_encoder(encoder, _text(settings), options.code_tokens or 256, 64)
    else:
        encode, widths = evaluate.folder_encoder(options.model, options.threads, options.code_tokens)
    results = {}
    for judged in evaluate.judged_sets(options.sets, options.queries, options.documents):
        results[judged.name] = evaluate.evaluate_set(judged, encode, widths)
        emit("metric", phase="evaluate", set=judged.name, **results[judged.name])
    for file, content in (
        (options.json, json.dumps(results, indent=1)),
        (options.markdown, evaluate.markdown(results)),
    ):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content + "\n", encoding="utf-8")
    if options.picture:
        plot.plot_evaluation(results, options.picture)
    emit("result", command="evaluate", sets=list(results))


def _plot(options: argparse.Namespace) -> None:
    from strata_train import plot

    plot.plot_run(options.log, options.out)
    emit("result", command="plot", picture=str(options.out))


def _finetune(options: argparse.Namespace) -> None:
    from strata_train import finetune

    result = finetune.finetune(
        options.pairs,
        options.start,
        options.out,
        minutes=options.minutes,
        in_use=options.in_use,
        device=options.device,
        threads=options.threads,
        resume=options.resume,
    )
    emit("result", command="finetune", **result)


def _export_base(options: argparse.Namespace) -> None:
    from strata_train import export, model, text

    start = model.from_minilm()
    manifest = export.export_folder(
        start,
        text.TextEncoder(model.start_folder() / "tokenizer.json", preparation=text.PREPARATIONS[0]),
        options.out,
        id="strata-base",
        description="all-MiniLM-L6-v2 untouched, cut into exits 0, 2 and 6; int8",
        shared_space=False,
    )
    size = sum(entry["bytes"] for entry in manifest["files"].values())
    emit("result", command="export-base", folder=str(options.out), bytes=size)
