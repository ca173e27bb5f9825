"""Pictures of a run and of an evaluation. Needs the `plot` extra; nothing else here does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from strata_train.events import UserError, reason

INK, MUTED, GRID = "#1f2328", "#6a737d", "#e6e8eb"
COLOURS = ("#2563a8", "#d0702a", "#3a8a55", "#8a4fa3", "#b03a48", "#7a6a2f")


def _pyplot() -> Any:
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as pyplot
    except ImportError as error:
        raise UserError("plot-missing", "Pictures need matplotlib: run `pip install matplotlib`.") from error
    pyplot.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED}
    )
    return pyplot


def _style(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", color=INK)
    axes.set_xlabel(x, color=MUTED)
    axes.set_ylabel(y, color=MUTED)
    axes.grid(axis="y", color=GRID)
    axes.set_axisbelow(True)


def plot_run(log: Path, picture: Path) -> None:
    """The curves of a run's `log.jsonl`: the loss's parts, the table's loss, and held-out recall of every exit."""
    try:
        content = log.read_text(encoding="utf-8")
        whole = content[: content.rfind("\n") + 1]  # a run that goes on, or was killed, may be within a line
        events = [event for line in whole.splitlines() if line.strip() and isinstance(event := json.loads(line), dict)]
    except (OSError, ValueError) as error:
        raise UserError("log-unreadable", f"The log {log} cannot be read: {reason(error)}.") from error
    layers = [event for event in events if event.get("phase") in ("layers", "mentor") and event["event"] == "progress"]
    layers += [_step_of_star(event) for event in events if event.get("phase") in ("pretrain", "retrieval")]
    table = [event for event in events if event.get("phase") == "table" and event["event"] == "progress"]
    held_out = [event for event in events if event.get("phase") == "held-out"]
    drawn = [draw for draw, there in ((_losses, layers), (_table, table), (_held_out, held_out)) if there]
    given = [there for there in (layers, table, held_out) if there]
    if not drawn:
        raise UserError("log-empty", f"The log {log} has no curve in it yet.")
    pyplot = _pyplot()
    figure, panels = pyplot.subplots(
        1, len(drawn), figsize=(0.5 + 4.2 * len(drawn), 3.8), squeeze=False, constrained_layout=True
    )
    for draw, there, axes in zip(drawn, given, panels[0], strict=True):
        draw(axes, there)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)


def _step_of_star(event: dict[str, Any]) -> dict[str, Any]:
    """A line of the published architecture's commands, whose parts of the loss lie among its other figures."""
    parts = {name: value for name, value in event.items() if "/" in name}
    masked = {f"{name[3:]}/{name[:3]}": value for name, value in event.items() if name[:3] in ("mlm", "icc")}
    return {"step": event["step"], "parts": parts | masked}


def _losses(axes: Any, events: list[dict[str, Any]]) -> None:
    names = sorted({name for event in events for name in event["parts"] if "/" in name})
    for name, colour in zip(names, COLOURS * 3, strict=False):
        points = [(event["step"], event["parts"][name]) for event in events if name in event["parts"]]
        style = ("-", "--", ":")[names.index(name) // len(COLOURS) % 3]
        axes.plot(*zip(*points, strict=True), style, label=name, color=colour, linewidth=1.2)
    _style(axes, "Layers: parts of the loss", "step", "weighted loss")
    axes.set_ylim(0, 1.4 * axes.get_ylim()[1])  # room for the names
    axes.legend(frameon=False, fontsize=7, ncols=3, loc="upper center")


def _table(axes: Any, events: list[dict[str, Any]]) -> None:
    axes.plot([event["epoch"] for event in events], [event["loss"] for event in events], color=COLOURS[0])
    _style(axes, "Table (exit 0)", "pass over the data", "loss")


def _held_out(axes: Any, events: list[dict[str, Any]]) -> None:
    keys = [key for key in events[0] if key not in {"event", "phase", "step", "seconds", "score"}]
    for key, colour in zip(keys, COLOURS * 3, strict=False):
        axes.plot(
            [event["step"] for event in events], [event[key] for event in events], "o-", label=key, color=colour, ms=3
        )
    if any(">" in key for key in keys):
        _style(axes, "Held-out files (6>2: top query, exit-2 code)", "step", "recall@10")
    else:  # of a ModularStarEncoder (`objectives/retrieval.py`)
        _style(axes, "Held-out files", "step", "mean reciprocal rank")
    axes.set_ylim(0, 1)
    axes.legend(frameon=False, fontsize=7, ncols=2)


def plot_evaluation(results: dict[str, Any], picture: Path) -> None:
    """Per set: nDCG@10 of each exit over the width, and the query-exit by document-exit matrix."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(
        2, len(results), figsize=(3.6 * len(results), 6), squeeze=False, constrained_layout=True
    )
    for column, (name, result) in enumerate(results.items()):
        top, bottom = axes[0][column], axes[1][column]
        for (exit, row), colour in zip(result["exits"].items(), COLOURS, strict=False):
            widths = [int(width) for width in row]
            top.plot(widths, [cell["ndcg10"] for cell in row.values()], "o-", label=f"exit {exit}", color=colour, ms=3)
        top.set_ylim(0, 1)
        _style(top, name, "dimensions kept", "nDCG@10" if column == 0 else "")
        exits = list(result["exits"])
        cells = [[result["matrix"][f"{query}>{document}"]["ndcg10"] for document in exits] for query in exits]
        bottom.imshow(cells, cmap="Blues", vmin=0, vmax=1)
        for y, row in enumerate(cells):
            for x, value in enumerate(row):
                bottom.text(x, y, f"{value:.2f}", ha="center", va="center", color="white" if value > 0.6 else INK)
        bottom.set_xticks(range(len(exits)), exits)
        bottom.set_yticks(range(len(exits)), exits)
        bottom.set_xlabel("document exit", color=MUTED)
        bottom.set_ylabel("query exit" if column == 0 else "", color=MUTED)
    axes[0][0].legend(frameon=False, fontsize=8)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)
