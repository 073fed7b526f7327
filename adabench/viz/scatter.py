"""Prediction against label, as a figure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from adabench.data.files import atomic_path
from adabench.evaluation.levels import LEVEL_NAMES, LEVEL_THRESHOLDS, MAX_SCORE, MIN_SCORE
from adabench.evaluation.metrics import score_metrics

_POINT, _INK, _MUTED, _LINE = "#2c6fa8", "#262626", "#8a8a8a", "#c9c9c9"
# Cells on the diagonal, where prediction and label share a level, are tinted by severity.
_LEVEL_TINTS = ("#f4f7fa", "#ecf2f7", "#e4ecf4", "#dbe6f0")
# Half a point beyond the scale, so that a mark at 0 or 63 is not cut.
_MARGIN = 1.5


def prediction_scatter(
    prediction: ArrayLike,
    label: ArrayLike,
    path: str | os.PathLike[str],
    title: str,
    *,
    subtitle: str = "",
    dots_per_inch: int = 150,
) -> Path:
    """Draws predictions against labels with the diagonal, the severity levels and the metrics.

    Levels are divided halfway between their whole scores (13.5, 19.5, 28.5); a tinted square is
    where prediction and label share one. A prediction outside the scale of 0-63 is drawn as a
    triangle on the edge; the metrics use its true value.

    The figure shows labels. For a corpus under licence the caller must keep it with the run and
    out of what is published.

    Args:
        prediction: ``(N,)`` predicted scores in BDI-II points, one a session or clip.
        label: ``(N,)`` true scores in [0, 63].
        path: the file to write; its ending (.png, .pdf, .svg) chooses the format.
        title: heading, the method and track for example.
        subtitle: a second, smaller line (what a demo number does not mean, say).
        dots_per_inch: resolution of a bitmap; the figure is 5.6 by 6 inches.

    Returns:
        The path written.

    Raises:
        ValueError: if the scores are empty, of unequal shape or not finite, a label is outside
            [0, 63], or the ending is no format matplotlib knows.
        OSError: if the file can't be written.
    """
    path = Path(path)
    metrics = score_metrics(prediction, label)
    predicted = np.asarray(prediction, dtype=np.float64)
    true = np.asarray(label, dtype=np.float64)
    if true.min() < MIN_SCORE or true.max() > MAX_SCORE:
        raise ValueError(
            f"labels must lie in [{MIN_SCORE}, {MAX_SCORE}] BDI-II points, "
            f"got {true.min()} to {true.max()}"
        )
    figure = Figure(figsize=(5.6, 6.0), facecolor="white")
    canvas = FigureCanvasAgg(figure)
    formats = canvas.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in formats:
        raise ValueError(
            f"can't draw {path}: its ending must be one of {', '.join(sorted(formats))}"
        )
    axes = figure.add_axes((0.115, 0.095, 0.855, 0.798))
    _draw_levels(axes)
    _draw_points(axes, predicted, true)
    _draw_frame(axes)
    _draw_texts(figure, axes, title, subtitle, metrics, predicted.size)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch, format=path.suffix.lower().lstrip("."))
    return path


def _draw_levels(axes: Axes) -> None:
    edges = (MIN_SCORE - _MARGIN, *(edge - 0.5 for edge in LEVEL_THRESHOLDS), MAX_SCORE + _MARGIN)
    for edge in edges[1:-1]:
        axes.axhline(edge, color=_LINE, linewidth=0.6, zorder=1)
        axes.axvline(edge, color=_LINE, linewidth=0.6, zorder=1)
    for low, high, tint in zip(edges[:-1], edges[1:], _LEVEL_TINTS, strict=True):
        axes.fill_between([low, high], low, high, color=tint, linewidth=0, zorder=0)
    for low, high, name in zip(edges[:-1], edges[1:], LEVEL_NAMES, strict=True):
        style: dict[str, Any] = {"color": _MUTED, "fontsize": 7.5, "zorder": 2}
        middle = (low + high) / 2
        axes.text(middle, MAX_SCORE + 0.6, name, ha="center", va="top", **style)
        axes.text(MAX_SCORE + 0.6, middle, name, ha="right", va="center", rotation=90, **style)
    ends = [MIN_SCORE, MAX_SCORE]
    axes.plot(ends, ends, color=_MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=2)


def _draw_points(axes: Axes, predicted: NDArray[np.float64], true: NDArray[np.float64]) -> None:
    shown = np.clip(predicted, MIN_SCORE, MAX_SCORE)
    for where, marker in (
        (predicted == shown, "o"),
        (predicted > MAX_SCORE, "^"),
        (predicted < MIN_SCORE, "v"),
    ):
        axes.scatter(
            true[where],
            shown[where],
            s=30,
            marker=marker,
            color=_POINT,
            alpha=0.7,
            edgecolors="white",
            linewidths=0.6,
            zorder=3,
        )


def _draw_frame(axes: Axes) -> None:
    axes.set_xlim(MIN_SCORE - _MARGIN, MAX_SCORE + _MARGIN)
    axes.set_ylim(MIN_SCORE - _MARGIN, MAX_SCORE + _MARGIN)
    axes.set_aspect("equal")
    ticks = list(range(MIN_SCORE, MAX_SCORE, 10))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(color=_LINE, labelcolor=_INK, labelsize=8.5, length=3)
    for spine in axes.spines.values():
        spine.set_color(_LINE)
    axes.set_xlabel("label (BDI-II points)", fontsize=9.5, color=_INK)
    axes.set_ylabel("prediction (BDI-II points)", fontsize=9.5, color=_INK)


def _draw_texts(
    figure: Figure, axes: Axes, title: str, subtitle: str, metrics: dict[str, float], count: int
) -> None:
    figure.text(0.115, 0.955, title, fontsize=12, fontweight="bold", color=_INK, va="center")
    if subtitle:
        figure.text(0.115, 0.919, subtitle, fontsize=8.5, color=_MUTED, va="center")
    lines = [f"{name:<5}{value:6.2f}" for name, value in metrics.items()]
    axes.text(
        0.03,
        0.935,
        "\n".join([*lines, f"{'n':<5}{count:6d}"]),
        transform=axes.transAxes,
        family="monospace",
        fontsize=8.5,
        color=_INK,
        va="top",
        linespacing=1.5,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 2, "alpha": 0.8},
        zorder=4,
    )
