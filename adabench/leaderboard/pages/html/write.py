"""The leaderboard as one page: a file that works from disk, asks no host for anything.

Template, style and script lie in ``assets/``; the data is JSON in a script element. A policy
in the page allows its own style and script by their hashes and nothing else, so that whatever
gets into a record (a method's name is free text) can neither run nor load anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Final
from urllib.parse import quote

from adabench.data.files import write_text
from adabench.leaderboard.pages.html.data import page_data
from adabench.leaderboard.rows.families import paper_names
from adabench.leaderboard.rows.row import Table
from adabench.records.drawn import drawn_slug
from adabench.records.schema.scale import bdi_ii

__all__ = ["page_data", "render_page", "write_page"]

#: Parts of the one script, in the order in which they are joined.
SCRIPTS = (
    "elements.js",
    "state.js",
    "table.js",
    "filters.js",
    "plot.js",
    "curve.js",
    "record.js",
    "disagreements.js",
    "page.js",
)

_LEDE: Final = "What papers report, beside what was measured here."
_DRAWN_LEDE: Final = "What was measured here on drawn faces; no paper reports anything on them."

# What could end the script element or start a comment in it, and what old parsers take for a line's
# end; in JSON these occur within strings only, where an escape means the same.
_ESCAPES = {sign: f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def write_page(
    tables: Iterable[Table], path: str | os.PathLike[str] = "leaderboard/index.html"
) -> Path:
    """Writes the page; links to records are relative to its folder. Returns its path.

    Args:
        tables: as `build_tables` makes them, all tracks.
        path: of the page.

    Raises:
        OSError: naming the file and the remedy, if it can't be written.
    """
    path = Path(path)
    write_text(path, render_page(tables, path.parent))
    return path


def write_pages_apart(tables: Iterable[Table], path: str | os.PathLike[str]) -> list[Path]:
    """Writes a page of the real corpora, and beside it one for each world of drawn faces, linked.

    The pages of drawn faces are named after what is said of them: ``drawn-faces-world-sparse.html``.

    Args:
        tables: of all tracks.
        path: of the page of real corpora.

    Returns:
        The paths of those that have a table, the real corpora's first.

    Raises:
        OSError: as `write_page`.
    """
    path, groups = Path(path), dict[Path, list[Table]]()
    for table in sorted(tables, key=lambda table: (bool(table.drawn), table.name)):
        own = path if table.worlds is None else path.with_name(f"{drawn_slug(table.worlds)}.html")
        groups.setdefault(own, []).append(table)
    titles = {own: group[0].drawn or "real corpora" for own, group in groups.items()}
    # reported rows say which methods have a paper, and drawn faces have none
    papers = paper_names(table for group in groups.values() for table in group)
    for own, group in groups.items():
        others = {other.name: title for other, title in titles.items() if other != own}
        write_text(own, render_page(group, path.parent, others, papers))
    return list(groups)


def render_page(
    tables: Iterable[Table],
    folder: str | os.PathLike[str] | None = None,
    others: Mapping[str, str] | None = None,
    papers: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML.

    Args:
        tables: as `build_tables` makes them.
        folder: where the page will lie, so that links to the records' files are right.
        others: file → title of the pages beside it.
        papers: as of `page_data`.
    """
    tables = list(tables)
    drawn = " and ".join(sorted({table.drawn for table in tables} - {""}))
    score, points = _scale_words(tables)
    style, script = _asset("style.css"), _script(points)
    return Template(_asset("template.html")).substitute(
        style=style,
        script=script,
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
        data=embed_json(page_data(tables, folder, papers)),
        drawn=html.escape(f": {drawn}") if drawn else "",
        lede=html.escape(_DRAWN_LEDE if drawn else _LEDE),
        pages=_links(others or {}),
        score=html.escape(score),
        points=html.escape(points),
    )


def _links(others: Mapping[str, str]) -> str:
    links = (
        f'<a href="{html.escape(quote(file))}">{html.escape(t)}</a>' for file, t in others.items()
    )
    return f"<p>Pages beside this one: {', '.join(links)}.</p>" if others else ""


def _scale_words(tables: Sequence[Table]) -> tuple[str, str]:
    """What a score is called, and what errors are in, where all tables have one scale or not."""
    scales = {table.scale.model_dump_json(): table.scale for table in tables}
    if len(scales) > 1:
        return "a score of its track's scale", "points of the track's scale"
    (scale,) = scales.values() or (bdi_ii(),)
    name = scale.name if scale.name.endswith("score") else f"{scale.name} score"
    return f"a {name} ({scale.low:g} to {scale.high:g})", scale.points


def embed_json(data: Any) -> str:
    """JSON that can stand inside a script element: no text in it can end the element.

    Raises:
        ValueError: if a number is not finite.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text


@cache
def _asset(name: str) -> str:
    return (files("adabench.leaderboard.pages.html") / "assets" / name).read_text(encoding="utf-8")


def _script(points: str) -> str:
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    # A scale's name is free text: as JSON it is a string and nothing else.
    parts = parts.replace('"RMSE, @POINTS@"', embed_json(f"RMSE, {points}"))
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _policy_hash(text: str) -> str:
    """The hash by which a content security policy knows an inline element's text."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
