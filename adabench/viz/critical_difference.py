"""Average ranks on an axis, with bars over methods that can't be told apart (Demšar 2006)."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from adabench.data.files import atomic_path

# The colours of the scatter of predictions.
_POINT, _INK, _MUTED, _LINE = "#2c6fa8", "#262626", "#8a8a8a", "#c9c9c9"

# Inches.
_WIDTH, _MARGIN, _HEADING, _SCALE, _FOOT = 8.4, 0.25, 0.72, 0.78, 0.22
_NAME_ROW, _BAR_ROW, _GAP = 0.26, 0.16, 0.14
_WIDEST_NAME, _RANK_COLUMN = 3.3, 0.55
# Two bars of one level stay this share of the axis apart.
_BETWEEN_BARS = 0.04

_NAME_SIZE = 9.5
# A longer name fits no column, whatever its letters.
_LONGEST_NAME = 120
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class _Layout:
    """Places in inches from the figure's upper left corner; the axis runs from left to right."""

    methods: int
    left: float
    right: float
    height: float
    scale: float
    first_name: float

    def x(self, rank: float) -> float:
        return self.left + (rank - 1) / (self.methods - 1) * (self.right - self.left)


def critical_difference_diagram(
    ranks: Mapping[str, float],
    critical_difference: float,
    path: str | os.PathLike[str],
    title: str,
    *,
    subtitle: str = "",
    dots_per_inch: int = 150,
) -> Path:
    """Draw a critical-difference diagram, the best rank on the left.

    A bar joins methods whose average ranks all lie less than the critical difference apart. A name
    that is too long for its column is cut.

    Args:
        ranks: method to its average rank, 1 being the best; two methods or more. Made for 3 to 15.
        critical_difference: in ranks, as `adabench.evaluation.significance.critical_difference`.
        path: the file to write; its ending (.png, .pdf, .svg) chooses the format.
        title: heading.
        subtitle: a second, smaller line (the tracks, and Friedman's p, say).
        dots_per_inch: resolution of a bitmap; the figure is 8.4 inches wide.

    Returns:
        The path written.

    Raises:
        ValueError: for a single method, ranks that are no average ranks of so many methods, a
            critical difference that is not positive, or an ending that matplotlib doesn't know.
        OSError: if the file can't be written.
    """
    path = Path(path)
    _check(ranks, critical_difference)
    # Letters are as wide as the resolution makes them, and their widths are the layout.
    figure = Figure(figsize=(_WIDTH, _WIDTH / 2), dpi=dots_per_inch, facecolor="white")
    formats = FigureCanvasAgg(figure).get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in formats:
        raise ValueError(
            f"can't draw {path}: its ending must be one of {', '.join(sorted(formats))}"
        )
    _draw(figure, ranks, critical_difference)
    heading: dict[str, Any] = {"va": "center", "parse_math": False}
    heading["transform"] = figure.axes[0].transData
    figure.text(_MARGIN, 0.3, title, fontsize=12, fontweight="bold", color=_INK, **heading)
    figure.text(_MARGIN, 0.55, subtitle, fontsize=8.5, color=_MUTED, **heading)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lower().lstrip("."))
    return path


def _draw(figure: Figure, ranks: Mapping[str, float], critical_difference: float) -> None:
    order = sorted(ranks, key=lambda name: ranks[name])
    values = [ranks[name] for name in order]
    names = [_shortened(figure, name) for name in order]
    bars = _bars(values, critical_difference)
    layout = _layout(figure, names, 1 + max((level for *_, level in bars), default=-1))
    figure.set_size_inches(_WIDTH, layout.height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, _WIDTH), ylim=(layout.height, 0))
    axes.set_axis_off()
    _draw_scale(axes, layout, critical_difference)
    _draw_methods(axes, layout, names, values)
    for low, high, level in bars:
        y = layout.scale + _GAP + (level + 0.5) * _BAR_ROW
        ends = [layout.x(low) - 0.02, layout.x(high) + 0.02]
        axes.plot(ends, [y, y], color=_POINT, linewidth=3.6, solid_capstyle="round", zorder=3)


def _check(ranks: Mapping[str, float], critical_difference: float) -> None:
    count = len(ranks)
    values = np.array(list(ranks.values()), dtype=np.float64)
    if count < 2:
        raise ValueError(f"a critical-difference diagram needs two methods or more, got {count}")
    inside = bool(((values >= 1) & (values <= count)).all())
    if not inside or abs(values.sum() - count * (count + 1) / 2) > _TOLERANCE * count:
        raise ValueError(
            f"average ranks of {count} methods lie in [1, {count}] and sum to "
            f"{count * (count + 1) / 2}; got {dict(ranks)}"
        )
    if not (np.isfinite(critical_difference) and critical_difference > 0):
        raise ValueError(f"a critical difference is positive, got {critical_difference}")


def _bars(values: Sequence[float], critical_difference: float) -> list[tuple[float, float, int]]:
    """Return (lowest rank, highest rank, level) of each largest group that is not told apart."""
    groups: list[tuple[int, int]] = []
    for start, low in enumerate(values):
        stop = max(i for i, value in enumerate(values) if value - low < critical_difference)
        if stop > start and (not groups or stop > groups[-1][1]):
            groups.append((start, stop))
    bars: list[tuple[float, float, int]] = []
    ends: list[float] = []
    apart = _BETWEEN_BARS * (len(values) - 1)
    for start, stop in groups:
        low, high = values[start], values[stop]
        level = next((i for i, end in enumerate(ends) if end + apart < low), len(ends))
        ends[level : level + 1] = [high]
        bars.append((low, high, level))
    return bars


def _width(figure: Figure, name: str) -> float:
    """Return the width of a name in inches."""
    drawn = figure.text(0, 0, name, fontsize=_NAME_SIZE, parse_math=False)
    width = drawn.get_window_extent().width / figure.dpi
    drawn.remove()
    return float(width)


def _shortened(figure: Figure, name: str) -> str:
    if len(name) <= _LONGEST_NAME and _width(figure, name) <= _WIDEST_NAME:
        return name

    def width(kept: int) -> float:
        return _width(figure, f"{name[:kept].rstrip()}…")

    kept = bisect_right(range(min(len(name), _LONGEST_NAME)), _WIDEST_NAME, key=width) - 1
    return f"{name[:kept].rstrip()}…"


def _layout(figure: Figure, names: Sequence[str], levels: int) -> _Layout:
    scale = _HEADING + _SCALE
    first_name = scale + 2 * _GAP + levels * _BAR_ROW
    return _Layout(
        methods=len(names),
        left=_MARGIN + max(_width(figure, name) for name in names) + _RANK_COLUMN + _GAP,
        right=_WIDTH - _MARGIN,
        height=first_name + len(names) * _NAME_ROW + _FOOT,
        scale=scale,
        first_name=first_name,
    )


def _draw_scale(axes: Axes, layout: _Layout, critical_difference: float) -> None:
    y = layout.scale
    axes.plot([layout.left, layout.right], [y, y], color=_INK, linewidth=0.9, zorder=2)
    step = 1 if layout.methods <= 10 else 2
    for rank in range(1, layout.methods + 1, step):
        x = layout.x(rank)
        axes.plot([x, x], [y - 0.07, y], color=_INK, linewidth=0.9, zorder=2)
        axes.text(x, y - 0.1, str(rank), fontsize=8.5, color=_INK, ha="center", va="bottom")
    shown = min(critical_difference, layout.methods - 1)
    start, end, above = layout.left, layout.x(1 + shown), y - 0.4
    axes.plot([start, end], [above, above], color=_MUTED, linewidth=1.2)
    for x in (start, end):
        axes.plot([x, x], [above - 0.05, above + 0.05], color=_MUTED, linewidth=1.2)
    words = f"critical difference {critical_difference:.2f}"
    if shown < critical_difference:
        words += ", more than the axis"
    axes.text(start, above - 0.09, words, fontsize=8.5, color=_MUTED, va="bottom")


def _draw_methods(
    axes: Axes, layout: _Layout, names: Sequence[str], values: Sequence[float]
) -> None:
    edge = layout.left - _GAP
    for row, (name, rank) in enumerate(zip(names, values, strict=True)):
        x, y = layout.x(rank), layout.first_name + (row + 0.5) * _NAME_ROW
        axes.plot([x, x, edge], [layout.scale, y, y], color=_LINE, linewidth=1.0, zorder=1)
        axes.plot([x], [layout.scale], "o", color=_POINT, markersize=5.5, zorder=4)
        style: dict[str, Any] = {"ha": "right", "va": "center", "parse_math": False}
        axes.text(edge - 0.06, y, f"{rank:.2f}", fontsize=8, color=_MUTED, **style)
        axes.text(edge - _RANK_COLUMN, y, name, fontsize=_NAME_SIZE, color=_INK, **style)
