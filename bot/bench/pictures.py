"""Pictures of understanding: which intents are taken for which, and whether confidence can be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def draw_confusion(path: Path, pairs: Sequence[tuple[str, str]], title: str) -> None:
    """Writes a PNG: rows are what was meant, columns what was understood; `pairs` are (meant, understood)."""
    labels = [label for label, _ in Counter(meant for meant, _ in pairs).most_common()]
    labels += sorted({said for _, said in pairs} - set(labels))
    place = {label: number for number, label in enumerate(labels)}
    table = [[0] * len(labels) for _ in labels]
    for meant, said in pairs:
        table[place[meant]][place[said]] += 1
    shares = [[count / (sum(row) or 1) for count in row] for row in table]
    size = 2 + 0.34 * len(labels)
    figure, axes = pyplot.subplots(figsize=(size, size))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, counts in enumerate(table):
        for column, count in enumerate(counts):
            if count:
                axes.text(column, row, str(count), ha="center", va="center", fontsize=7,
                          color="white" if shares[row][column] > 0.6 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xlabel("understood")
    axes.set_ylabel("meant")
    axes.set_title(title, fontsize=9)
    _write(figure, path)


def draw_reliability(path: Path, curves: dict[str, Sequence[tuple[float, bool]]], bins: int = 10) -> None:
    """Writes a PNG: how often confidence of a given height is right. `curves`: name → (confidence, right)."""
    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    for name, said in curves.items():
        points = []
        for step in range(bins):
            inside = [(sure, right) for sure, right in said if min(int(sure * bins), bins - 1) == step]
            if inside:
                points.append((sum(sure for sure, _ in inside) / len(inside),
                               sum(right for _, right in inside) / len(inside)))
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", label=f"{name}, n = {len(said)}")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence")
    axes.set_ylabel("right")
    axes.legend(fontsize=8, loc="upper left")
    _write(figure, path)


def _write(figure: pyplot.Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
