"""Losses, validation and learning rate over the epochs of a training, as a figure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter
from numpy.typing import NDArray

from adabench.data.files import atomic_path

_INK, _MUTED, _LINE = "#262626", "#8a8a8a", "#c9c9c9"
# Okabe and Ito's colours, told apart by the colour-blind; more lines than these are dashed.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))

_TRAIN, _VAL, _TOTAL = "train/", "val/", "train/loss"
# Inches. The legends stand to the right of their panels.
_WIDTH, _LEFT, _LEGEND, _TOP, _BOTTOM, _GAP, _PANEL = 8.4, 0.8, 2.1, 0.75, 0.55, 0.24, 1.75
# A range below these factors is legible on a plain axis.
_WIDE, _WIDE_RATE = 50.0, 5000.0

# What a legend has room for.
_LONGEST = 23


@dataclass(frozen=True)
class _Panel:
    """What shares an axis: columns by the names that the legend shows."""

    label: str
    lines: Mapping[str, str]
    wide: float = _WIDE


def training_curve(
    rows: Sequence[Mapping[str, float]],
    path: str | os.PathLike[str],
    title: str,
    *,
    chosen: int | None = None,
    dots_per_inch: int = 150,
) -> Path:
    """Draw a training's curve: a panel of losses, one or two of the validation, one of the rate.

    Metrics that stay within [-1, 1] (correlations) have a panel apart from errors, and a plain axis.
    Another is logarithmic where all that it shows is positive and spans a wide range.

    Args:
        rows: of each epoch ``epoch``, ``rate``, ``train/…`` (``train/loss`` the sum) and, where it was
            validated, ``val/…``.
        path: the file to write; its ending (.png, .pdf, .svg) chooses the format.
        title: heading.
        chosen: the epoch whose weights are tested, which is marked.
        dots_per_inch: resolution of a bitmap; the figure is 8.4 inches wide.

    Returns:
        The path written.

    Raises:
        ValueError: for no rows, or an ending that matplotlib doesn't know.
        OSError: if the file can't be written.
    """
    path = Path(path)
    if not rows:
        raise ValueError(f"can't draw {path}: a curve needs an epoch or more")
    panels = _panels(rows)
    height = _TOP + _BOTTOM + len(panels) * _PANEL + (len(panels) - 1) * _GAP
    figure = Figure(figsize=(_WIDTH, height), facecolor="white")
    formats = FigureCanvasAgg(figure).get_supported_filetypes()
    ending = path.suffix.lower().lstrip(".")
    if ending not in formats:
        raise ValueError(
            f"can't draw {path}: its ending must be one of {', '.join(sorted(formats))}"
        )
    heading: dict[str, Any] = {"fontsize": 12, "fontweight": "bold", "va": "center"}
    place = _LEFT / _WIDTH, 1 - 0.3 / height
    figure.text(*place, title, color=_INK, parse_math=False, **heading)
    all_axes = _axes_of(figure, len(panels), height)
    for panel, axes in zip(panels, all_axes, strict=True):
        _draw_panel(axes, panel, rows)
        _draw_frame(axes, rows, is_last=axes is all_axes[-1])
    if chosen is not None:
        _mark(all_axes, chosen)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch, format=ending)
    return path


def _axes_of(figure: Figure, count: int, height: float) -> list[Axes]:
    """Return so many axes, the upper first."""
    found = []
    for number in range(count):
        bottom = _BOTTOM + (count - 1 - number) * (_PANEL + _GAP)
        width = (_WIDTH - _LEFT - _LEGEND) / _WIDTH
        found.append(figure.add_axes((_LEFT / _WIDTH, bottom / height, width, _PANEL / height)))
    return found


def _panels(rows: Sequence[Mapping[str, float]]) -> list[_Panel]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    metrics = [name for name in names if name.startswith(_VAL)]
    bounded = [name for name in metrics if _within_one(_column(rows, name))]
    losses = {n: n.removeprefix(_TRAIN) for n in names if n.startswith(_TRAIN) and n != _TOTAL}
    # One loss is its own sum.
    shown = {_TOTAL: "sum" if len(losses) > 1 else "".join(losses.values()) or "loss"}
    if len(losses) > 1:
        shown |= losses
    found = [
        _Panel("training loss", shown),
        _Panel("validation", {n: n.removeprefix(_VAL) for n in metrics if n not in bounded}),
        _Panel("validation", {n: n.removeprefix(_VAL) for n in bounded}, math.inf),
        _Panel("learning rate", {"rate": "rate"} if "rate" in names else {}, _WIDE_RATE),
    ]
    return [panel for panel in found if panel.lines]


def _within_one(values: NDArray[np.float64]) -> bool:
    return bool((np.abs(values[np.isfinite(values)]) <= 1).all())


def _column(rows: Sequence[Mapping[str, float]], name: str) -> NDArray[np.float64]:
    return np.array([row.get(name, np.nan) for row in rows], dtype=np.float64)


def _draw_panel(axes: Axes, panel: _Panel, rows: Sequence[Mapping[str, float]]) -> None:
    epochs = _column(rows, "epoch")
    parts = [name for name in panel.lines if name != _TOTAL]
    for name, shown in panel.lines.items():
        values = _column(rows, name)
        there = np.isfinite(values)
        if name == _TOTAL:
            style: dict[str, Any] = {"color": _INK, "linewidth": 2.0, "zorder": 4}
        else:
            turn, colour = divmod(parts.index(name), len(_COLOURS))
            style = {"color": _COLOURS[colour], "linestyle": _DASHES[turn % len(_DASHES)]}
        # A line of few points would hide where they are.
        marker = "o" if there.sum() <= 30 else ""
        style = {"linewidth": 1.4, "markersize": 3.2, "marker": marker, **style}
        axes.plot(epochs[there], values[there], label=_shortened(shown), **style)
    shown_values = np.concatenate([_column(rows, name) for name in panel.lines])
    if _is_wide(shown_values, panel.wide):
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4))
        axes.yaxis.get_offset_text().set(fontsize=8, color=_INK)
    axes.set_ylabel(panel.label, fontsize=9, color=_INK)
    axes.yaxis.set_label_coords(-0.09, 0.5)
    if panel.label != "learning rate":
        legend = axes.legend(
            loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8
        )
        for text in legend.get_texts():
            text.set_color(_INK)
            text.set_parse_math(False)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _is_wide(values: NDArray[np.float64], wide: float) -> bool:
    values = values[np.isfinite(values)]
    return bool(values.size and values.min() > 0 and values.max() / values.min() > wide)


def _draw_frame(axes: Axes, rows: Sequence[Mapping[str, float]], *, is_last: bool) -> None:
    first, last = rows[0]["epoch"], rows[-1]["epoch"]
    room = max(0.5, 0.02 * (last - first))
    axes.set_xlim(first - room, last + room)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10, min_n_ticks=1))
    axes.tick_params(color=_LINE, labelcolor=_INK, labelsize=8, length=3, labelbottom=is_last)
    axes.grid(axis="y", color=_LINE, linewidth=0.5, alpha=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(_LINE)
    if is_last:
        axes.set_xlabel("epoch", fontsize=9, color=_INK)


def _mark(all_axes: Sequence[Axes], chosen: int) -> None:
    for axes in all_axes:
        axes.axvline(chosen, color=_MUTED, linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)
    all_axes[0].annotate(
        f"tested: epoch {chosen}",
        (chosen, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8,
        color=_MUTED,
        annotation_clip=False,
    )
