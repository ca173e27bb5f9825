"""Pictures of the experiments' tables."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TASKS = {"textToCode": "text to code", "codeToCode": "code to code (halves)"}


def by_exit(name: str, table: dict, title: str) -> None:
    """MRR over exits, one line per arm, one panel per task; bars are one standard deviation over seeds."""
    figure, panels = plt.subplots(1, len(table), figsize=(5 * len(table), 3.6), constrained_layout=True)
    for panel, (task, arms) in zip(panels, table.items(), strict=True):
        for arm, exits in arms.items():
            x = [int(e) for e in exits]
            panel.errorbar(
                x, [v["mean"] for v in exits.values()], [v["std"] for v in exits.values()],
                marker="o", capsize=3, label=arm,
            )  # fmt: skip
        panel.set(title=TASKS[task], xlabel="exit (layers)", ylabel="MRR", xticks=x)
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    figure.suptitle(title)
    _write(figure, name)


def matrices(name: str, tables: dict, title: str) -> None:
    """One grid per arm: rows are query exits, columns document exits."""
    figure, panels = plt.subplots(1, len(tables), figsize=(3 * len(tables), 3), constrained_layout=True)
    exits = sorted({int(pair[1 : pair.index("d")]) for pair in next(iter(tables.values()))})
    top = max(cell["mean"] for table in tables.values() for cell in table.values())
    for panel, (arm, table) in zip(panels, tables.items(), strict=True):
        grid = [[table[f"q{q}d{d}"]["mean"] for d in exits] for q in exits]
        panel.imshow(grid, vmin=0, vmax=top, cmap="viridis")
        for i, row in enumerate(grid):
            for j, value in enumerate(row):
                panel.text(
                    j, i, f"{value:.3f}", ha="center", va="center", color="w" if value < 0.7 * top else "k", fontsize=8
                )
        panel.set(
            title=arm, xlabel="document exit", ylabel="query exit", xticks=range(len(exits)), yticks=range(len(exits))
        )
        panel.set_xticklabels(exits)
        panel.set_yticklabels(exits)
    figure.suptitle(title)
    _write(figure, name)


def shares(name: str, results: dict) -> None:
    """nDCG@10 over the table's share in the exits above it, one panel per judged set."""
    size = (4 * len(results), 3.4)
    figure, panels = plt.subplots(1, len(results), figsize=size, constrained_layout=True, squeeze=False)
    for panel, (judged, exits) in zip(panels[0], results.items(), strict=True):
        for exit, values in exits.items():
            panel.plot([float(share) for share in values], list(values.values()), marker="o", label=exit)
        panel.set(title=judged, xlabel="share of exit 0", ylabel="nDCG@10")
        panel.set_ylim(bottom=0)
        panel.grid(alpha=0.3)
    panels[0][0].legend(fontsize=8)
    _write(figure, name)


def _write(figure: plt.Figure, name: str) -> None:
    (HERE / "plots").mkdir(exist_ok=True)
    figure.savefig(HERE / "plots" / f"{name}.png", dpi=110)
    plt.close(figure)
