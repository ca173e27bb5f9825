"""The log of a run: whole lines, whatever happened to the run before."""

import json
from pathlib import Path

import pytest

from strata_train import config, events
from strata_train.events import UserError
from strata_train.plot import plot_run


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    log = tmp_path / "run" / "log.jsonl"
    events.log_to(log)
    events.emit("progress", step=1)
    with log.open("a") as file:
        file.write('{"event": "progr')
    events.log_to(log)
    events.emit("progress", step=2)
    events.log_to(None)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2]


def test_a_log_that_is_being_written_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    line = json.dumps({"event": "progress", "phase": "table", "epoch": 1, "loss": 2.0})
    (tmp_path / "log.jsonl").write_text(f"{line}\n{line}\n{line[:30]}")
    plot_run(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[train]\nbatchsize = 3", "unknown setting batchsize in [train]"),
        ('[train]\nsteps = "many"', "steps in [train] must be of type int"),
        ("[train]\nsteps = 0", "steps must be above zero"),
        ("[train]\nbatch_size = -1", "batch_size must be above zero"),
        ("train = 3", "train must be a section"),
        ('[loss]\nexit_weights = "deep"', "exit_weights must be"),
        ('[loss]\nteacher = "me"', "teacher must be"),
    ],
)
def test_settings_that_cannot_be_used_are_named(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(content)
    with pytest.raises(UserError) as end:
        config.load(tmp_path / "c.toml")
    assert end.value.code == "config-bad" and said in end.value.sentence


@pytest.mark.parametrize(
    "figures", [{"phase": "pretrain", "mlm2": 6.0, "icc2": 0.7}, {"phase": "retrieval", "2/contrastive": 0.8}]
)
def test_runs_of_the_published_architecture_are_drawn(figures: dict, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lines = [json.dumps({"event": "metric", "step": step, **figures}) + "\n" for step in (10, 20)]
    (tmp_path / "log.jsonl").write_text("".join(lines))
    plot_run(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 0
