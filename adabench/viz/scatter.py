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
from adabench.evaluation.metrics import score_metrics
from adabench.evaluation.scale import BDI_II, Scale

_POINT, _INK, _MUTED, _LINE = "#2c6fa8", "#262626", "#8a8a8a", "#c9c9c9"
# Cells on the diagonal, where prediction and label share a level, are tinted by severity.
_MILDEST, _SEVEREST = (0.957, 0.969, 0.98), (0.859, 0.902, 0.941)
# Of the scale's range: so far beyond its ends, so that a mark there is not cut; names of levels.
_MARGIN, _NAMES = 0.024, 0.01


def prediction_scatter(
    prediction: ArrayLike,
    label: ArrayLike,
    path: str | os.PathLike[str],
    title: str,
    *,
    scale: Scale = BDI_II,
    subtitle: str = "",
    dots_per_inch: int = 150,
) -> Path:
    """Draws predictions against labels with the diagonal, the severity levels and the metrics.

    Levels are divided halfway between their whole scores (of the BDI-II 13.5, 19.5, 28.5); a tinted
    square is where prediction and label share one. A prediction outside the scale is drawn as a
    triangle on the edge; the metrics use its true value.

    The figure shows labels. For a corpus under licence the caller must keep it with the run and
    out of what is published.

    Args:
        prediction: ``(N,)`` predicted scores in points, one a session or clip.
        label: ``(N,)`` true scores.
        path: the file to write; its ending (.png, .pdf, .svg) chooses the format.
        title: heading, the method and track for example.
        scale: of the scores.
        subtitle: a second, smaller line (what a demo number does not mean, say).
        dots_per_inch: resolution of a bitmap; the figure is 5.6 by 6 inches.

    Returns:
        The path written.

    Raises:
        ValueError: if the scores are empty, of unequal shape or not finite, a label is outside
            the scale, or the ending is no format matplotlib knows.
        OSError: if the file can't be written.
    """
    path = Path(path)
    metrics = score_metrics(prediction, label)
    predicted = np.asarray(prediction, dtype=np.float64)
    true = np.asarray(label, dtype=np.float64)
    if true.min() < scale.low or true.max() > scale.high:
        raise ValueError(
            f"labels must lie in [{scale.low:g}, {scale.high:g}] {scale.points}, "
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
    _draw_levels(axes, scale)
    _draw_points(axes, predicted, true, scale)
    _draw_frame(axes, scale)
    _draw_texts(figure, axes, title, subtitle, metrics, predicted.size)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch, format=path.suffix.lower().lstrip("."))
    return path


def _ends(scale: Scale) -> tuple[float, float]:
    margin = _MARGIN * (scale.high - scale.low)
    return scale.low - margin, scale.high + margin


def _tints(count: int) -> list[tuple[float, ...]]:
    """From the mildest level's to the severest's."""
    return [tuple(tint) for tint in np.linspace(_MILDEST, _SEVEREST, count).tolist()]


def _draw_levels(axes: Axes, scale: Scale) -> None:
    low_end, high_end = _ends(scale)
    half = 0.5 if scale.whole else 0.0
    edges = (low_end, *(edge - half for edge in scale.thresholds), high_end)
    for edge in edges[1:-1]:
        axes.axhline(edge, color=_LINE, linewidth=0.6, zorder=1)
        axes.axvline(edge, color=_LINE, linewidth=0.6, zorder=1)
    for low, high, tint in zip(edges[:-1], edges[1:], _tints(len(scale.levels)), strict=True):
        axes.fill_between([low, high], low, high, color=tint, linewidth=0, zorder=0)
    border = scale.high + _NAMES * (scale.high - scale.low)
    for low, high, name in zip(edges[:-1], edges[1:], scale.names, strict=True):
        style: dict[str, Any] = {"color": _MUTED, "fontsize": 7.5, "zorder": 2}
        middle = (low + high) / 2
        axes.text(middle, border, name, ha="center", va="top", **style)
        axes.text(border, middle, name, ha="right", va="center", rotation=90, **style)
    ends = [scale.low, scale.high]
    axes.plot(ends, ends, color=_MUTED, linewidth=0.9, linestyle=(0, (5, 3)), zorder=2)


def _draw_points(
    axes: Axes, predicted: NDArray[np.float64], true: NDArray[np.float64], scale: Scale
) -> None:
    shown = np.clip(predicted, scale.low, scale.high)
    for where, marker in (
        (predicted == shown, "o"),
        (predicted > scale.high, "^"),
        (predicted < scale.low, "v"),
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


def _draw_frame(axes: Axes, scale: Scale) -> None:
    axes.set_xlim(*_ends(scale))
    axes.set_ylim(*_ends(scale))
    axes.set_aspect("equal")
    step = _tick_step(scale.high - scale.low)
    ticks = scale.low + step * np.arange(int((scale.high - scale.low) / step) + 1)
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(color=_LINE, labelcolor=_INK, labelsize=8.5, length=3)
    for spine in axes.spines.values():
        spine.set_color(_LINE)
    axes.set_xlabel(f"label ({scale.points})", fontsize=9.5, color=_INK)
    axes.set_ylabel(f"prediction ({scale.points})", fontsize=9.5, color=_INK)


def _tick_step(span: float) -> float:
    """The smallest of 1, 2, 5, 10, … that divides ``span`` into less than ten parts: 10 of 63."""
    unit = 10.0 ** np.floor(np.log10(span / 10))
    return float(next(unit * m for m in (1, 2, 5, 10, 20) if span / (unit * m) < 10))


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
