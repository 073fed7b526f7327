"""What the leaderboard page shows, as plain data for JSON; how it looks is the page's business."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from adabench.data.tracks import OWN, TRACKS
from adabench.evaluation.significance import LEVEL
from adabench.leaderboard.pages.by_group import SHOWN, results_by_group
from adabench.leaderboard.pages.columns import (
    calibration_of_row,
    intervals_of_row,
    relevance_of_row,
)
from adabench.leaderboard.pages.html.curves import curve_of
from adabench.leaderboard.pages.scored import scored_as
from adabench.leaderboard.pages.text import below, draws_notice
from adabench.leaderboard.pages.versions import told_version
from adabench.leaderboard.places import LOCAL, MEASURED, REPORTED
from adabench.leaderboard.rows.disagreements import Disagreement, find_disagreements
from adabench.leaderboard.rows.families import family, family_order, paper_names
from adabench.leaderboard.rows.row import Entry, Row, Table, shared_flags
from adabench.leaderboard.rows.side_by_side import SHOWN as SIDE_BY_SIDE
from adabench.leaderboard.rows.side_by_side import disjoint_metrics, has_both, official_metrics
from adabench.leaderboard.rows.summary import Summary
from adabench.leaderboard.statistics.peers import titles
from adabench.leaderboard.statistics.standing import Standing
from adabench.leaderboard.statistics.wording import BEHIND_LEGEND
from adabench.records.drawn import drawn_notice
from adabench.records.protocols import fold_of, shared_protocol
from adabench.records.schema.record import Record
from adabench.records.schema.scale import bdi_ii
from adabench.records.schema.sections import Cost, Reported
from adabench.records.schema.tracks import is_demo_track
from adabench.records.schema.values import METRIC_NAMES

_CORPUS_TITLES = {"avec2013": "AVEC 2013", "avec2014": "AVEC 2014", "synthface": "Demo"}

# The records keep every digit; a page that nobody can read to more than three needs no more.
_DIGITS = 4

# Of a checksum; enough to tell corpora apart.
_SHOWN_DIGITS = 16


def page_data(
    tables: Iterable[Table],
    folder: str | os.PathLike[str] | None = None,
    papers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Everything the page shows, real tracks before demo tracks.

    Args:
        tables: as `build_tables` makes them.
        folder: where the page will lie; records' files are named as seen from there.
        papers: as `paper_names` finds them; those of these tables for None.

    Returns:
        JSON-ready data: ``drawn``, what is said of drawn faces, and its ``demo_notice``, both empty of
        other corpora; ``sort``, the column that rows are first sorted by; ``tracks``
        with their rows, ``disagreements``, ``papers``, ``families`` in
        their order, and ``shared``, the machines and package lists that records refer to by index.
    """
    tables = sorted(tables, key=lambda table: (is_demo_track(table.track), table.name))
    papers = paper_names(tables) if papers is None else dict(papers)
    builder = _Builder(papers, None if folder is None else Path(folder))
    cases = find_disagreements(tables)
    disputed = {(case.track, case.method) for case in cases if case.kind == "between"}
    tracks = [builder.track(table, disputed) for table in tables]
    families = {row["family"] for track in tracks for row in track["rows"]}
    drawn = " and ".join(sorted({table.drawn for table in tables} - {""}))
    return {
        "drawn": drawn,
        "sort": "share" if any(row.share for table in tables for row in table.rows) else "RMSE",
        "tracks": tracks,
        "disagreements": [_disagreement(case, builder.papers) for case in cases],
        "papers": builder.papers,
        "families": family_order(families, builder.papers),
        "shared": {"hardware": list(builder.hardware), "packages": list(builder.packages)},
        "metrics": list(METRIC_NAMES),
        "significance": LEVEL,
        "demo_notice": drawn_notice(drawn) if drawn else "",
    }


class _Builder:
    """Turns tables into data; what many records share (a machine, its packages) is kept once."""

    def __init__(self, papers: dict[str, str], folder: Path | None) -> None:
        self.papers = papers
        self.hardware: list[dict[str, Any]] = []
        self.packages: list[dict[str, Any]] = []
        self._folder = folder
        self._seen: dict[tuple[Any, ...], int] = {}

    def track(self, table: Table, disputed: set[tuple[str, str]]) -> dict[str, Any]:
        rows: dict[str, dict[str, Any]] = {}
        named = titles(row.peers for row in table.rows)
        groups = list(dict.fromkeys(named.values()))
        for row in table.rows:
            name = _identifier(table.name, row)
            while name in rows:
                name += "x"
            is_disputed = row.entries[0].place == REPORTED and (table.track, row.method) in disputed
            group = groups.index(named[row.peers])
            rows[name] = {"id": name, "group": group, **self.row(row), "disputed": is_disputed}
        return {
            "name": table.name,
            "title": _table_title(table),
            "demo": is_demo_track(table.track),
            "corpora": list(table.corpora),
            "draws": draws_notice(table) if table.draws else "",
            "both": has_both(table.track),
            "groups": groups,
            "below": [line for line in below(table) if line != BEHIND_LEGEND],
            "shared_flags": list(shared_flags(table.rows)),
            "rows": list(rows.values()),
        }

    def row(self, row: Row) -> dict[str, Any]:
        records = [entry.record for entry in row.entries]
        first, standing = row.entries[0], row.standing
        data: dict[str, Any] = {
            "kind": row.kind,
            "method": row.method,
            "config": row.config,
            "origin": first.place if first.place in (REPORTED, MEASURED) else LOCAL,
            "place": first.place,
            "family": family(first.record, self.papers),
            "peers": "; ".join(
                map(str, (*row.peers, *row.draws, *(row.named if row.draws else ())))
            ),
            "seeds": list(row.seeds),
            "metrics": {name: _summary(summary) for name, summary in row.metrics.items()},
            **({"measures": _measures(row)} if row.public_measures else {}),
            **({"groups": groups} if (groups := _groups(row)) else {}),
            **({"calibration": calibration} if (calibration := _calibration(row)) else {}),
            **({"intervals": intervals} if (intervals := _intervals(row)) else {}),
            **({"relevance": relevance} if (relevance := _relevance(row)) else {}),
            "flags": list(row.flags),
            "notes": list(row.notes),
            **_standing(standing),
            **_on_draws(row),
            **_disjoint(row),
            "cost": _mean_cost([record.cost for record in records]),
        }
        if isinstance(first.record.origin, Reported):
            data["source"] = self._source(first)
        else:
            data["setup"] = {**_setup(first.record), "scored": scored_as(row)}
            shared = set.intersection(*(set(record.notes) for record in records))
            data["runs"] = [self._run(entry, shared) for entry in row.entries]
            if row.beside is not None:
                data["beside"] = self._beside(row.beside)
            if row.older:
                data["older"] = [self._older(version) for version in row.older]
        return data

    def _beside(self, row: Row) -> dict[str, Any]:
        """What the numbers with persons kept apart come from."""
        return {
            "protocol": row.entries[0].record.protocol,
            "runs": [
                {
                    "seed": entry.record.seed,
                    "metrics": {name: getattr(entry.record.metrics, name) for name in SIDE_BY_SIDE},
                    "file": self._file(entry),
                }
                for entry in row.entries
            ],
        }

    def _older(self, row: Row) -> dict[str, Any]:
        return {"told": told_version(row), "files": [self._file(entry) for entry in row.entries]}

    def _source(self, entry: Entry) -> dict[str, Any]:
        origin = entry.record.origin
        if not isinstance(origin, Reported):
            raise TypeError(f"expected a reported record, got one of {origin.type}")
        return {
            "paper": self.papers.get(origin.paper, origin.paper),
            "table": origin.table,
            "row": origin.row,
            "scored": origin.scored,
            "file": self._file(entry),
        }

    def _run(self, entry: Entry, shared_notes: set[str]) -> dict[str, Any]:
        record = entry.record
        metrics = {name: getattr(record.metrics, name) for name in METRIC_NAMES}
        intervals = {name: _rounded(pair) for name, pair in record.intervals.items()}
        fold = fold_of(record.protocol) if record.family is None else None
        return {
            "seed": record.seed,
            "draw": record.draw if record.family else None,
            "fold": fold and f"seed {fold.seed}, fold {fold.number}",
            "corpus": record.corpus_checksum and record.corpus_checksum[:_SHOWN_DIGITS],
            "metrics": {name: _round(value) for name, value in metrics.items()},
            "intervals": intervals,
            "cost": _mean_cost([record.cost]),
            "timing": {name: _round(value) for name, value in record.timing.items()},
            **({"selection": _selection(record)} if record.selection else {}),
            "hardware": self._shared(self.hardware, record.hardware),
            "packages": self._shared(self.packages, record.packages),
            "commit": record.commit,
            "clean_tree": record.clean_tree,
            "contract": record.contract and record.contract.outcome,
            "decoy": record.decoy and record.decoy.outcome,
            "created": record.created,
            "notes": [note for note in record.notes if note not in shared_notes],
            "side_files": sorted(record.provenance),
            "file": self._file(entry),
            **({"curve": curve} if (curve := curve_of(record, entry.path)) else {}),
        }

    def _shared(self, pool: list[dict[str, Any]], item: Mapping[str, Any]) -> int | None:
        if not item:
            return None
        key = (id(pool), *item.items())
        if key not in self._seen:
            self._seen[key] = len(pool)
            pool.append(dict(item))
        return self._seen[key]

    def _file(self, entry: Entry) -> str | None:
        if entry.path is None:
            return None
        if self._folder is None:
            return entry.path.as_posix()
        return Path(os.path.relpath(entry.path, self._folder)).as_posix()


def _standing(standing: Standing) -> dict[str, Any]:
    behind = standing.behind
    return {
        "best": standing.best,
        "tied": standing.is_tied,
        "tied_beyond": standing.is_tied_beyond,
        "p": _round(standing.p_value),
        "p_beyond": _round(standing.p_beyond),
        "behind": behind and [_round(behind.difference), *_rounded(behind.interval or ())],
        "contradiction": standing.contradiction,
    }


def _on_draws(row: Row) -> dict[str, Any]:
    if not row.draws:
        return {}
    return {"draws": list(row.draws), "share": row.share and _summary(row.share)[:2]}


def _disjoint(row: Row) -> dict[str, Any]:
    """Return what a row of AVEC has with persons kept apart, and whether it has nothing else."""
    if not has_both(row.entries[0].record.track):
        return {}
    found = disjoint_metrics(row)
    twin = row.beside or row
    return {
        "disjoint": {name: _summary(found[name]) for name in SIDE_BY_SIDE if name in found},
        "disjoint_tied": bool(found) and twin.standing.is_tied,
        "disjoint_only": not official_metrics(row),
    }


def _setup(record: Record) -> dict[str, Any]:
    flags = record.flags
    return {
        "config_hash": record.config_hash,
        "overrides": record.overrides,
        "corpus": record.corpus,
        "licensed": record.licensed,
        "protocol": record.protocol if record.family else shared_protocol(record.protocol),
        "starts_from": record.flags.starts_from,
        "fusion": record.fusion,
        "sessions": record.sessions,
        "subjects": record.persons,
        "pretrained": flags.pretrained,
        "pretrained_checksum": flags.pretrained_checksum,
        "semantics": flags.semantics,
        "paper_compat": flags.paper_compat,
    }


def _disagreement(case: Disagreement, papers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "kind": case.kind,
        "method": case.method,
        "track": case.track,
        "title": _title(case.track),
        "printed": [
            {
                "paper": papers.get(row.paper, row.paper),
                "table": row.table,
                "row": row.row,
                "metrics": row.metrics,
                "notes": list(row.notes),
            }
            for row in case.printed
        ],
    }


def _identifier(track: str, row: Row) -> str:
    """A short name that stays the same as long as the row's experiment does, for links to it."""
    record = row.entries[0].record
    parts: list[str] = [track, row.origin, row.kind, row.method, row.config, *row.flags]
    if isinstance(record.origin, Reported):
        parts.append(record.origin.row)
    else:
        parts += [record.config_hash or "", record.corpus_checksum or "", record.protocol or ""]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:10]


def _title(track: str) -> str:
    if track == OWN or track.startswith(f"{OWN}-"):
        return f"Own corpus {track.removeprefix(OWN).removeprefix('-')}".rstrip()
    if track not in TRACKS:
        return track
    known = TRACKS[track]
    title = _CORPUS_TITLES.get(known.corpus, known.corpus)
    return f"{title}, {known.tasks[0]}" if len(known.tasks) == 1 else title


def _table_title(table: Table) -> str:
    """A track's title; with what is said of drawn faces, and another scale than the BDI-II."""
    title = _title(table.track) + table.heading.removeprefix(table.track)
    if table.drawn or table.scale == bdi_ii() or table.scale.name in title:
        return title
    return f"{title}, {table.scale.name}"


def _mean_cost(costs: Sequence[Cost]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in Cost.model_fields:
        values = [value for cost in costs if (value := getattr(cost, name)) is not None]
        if values:
            found[name] = round(fmean(values), 1)
    return found


def _summary(summary: Summary) -> list[float | None]:
    low, high = summary.interval or (None, None)
    return [_round(value) for value in (summary.value, summary.deviation, low, high)]


def _measures(row: Row) -> dict[str, list[float | None]]:
    return {name: _summary(summary)[:2] for name, summary in row.public_measures.items()}


def _intervals(row: Row) -> list[dict[str, Any]]:
    """Return what calibrated intervals do, an entry a calibrator."""
    return [
        {
            "method": found.method,
            "level": found.level,
            **{name: _round(value) for name, value in found.numbers.items()},
        }
        for found in intervals_of_row(row)
    ]


def _calibration(row: Row) -> dict[str, Any] | None:
    found = calibration_of_row(row)
    numbers = {name: _summary(summary)[:2] for name, summary in found.numbers.items()}
    return {**numbers, "sigma": found.sigma} if numbers else None


def _relevance(row: Row) -> dict[str, dict[str, list[float | None]]]:
    return {
        label: {name: _rounded(parts) for name, parts in measures.items()}
        for label, measures in relevance_of_row(row).items()
    }


def _selection(record: Record) -> dict[str, Any]:
    """Return how a run was selected; of a stage that it stands on how often that looked."""
    found = record.selection
    if found is None:
        return {}
    metrics = found.metrics.model_dump() if found.metrics else {}
    stages = {stage.name: stage.selection for stage in record.stages}
    return {
        **found.model_dump(exclude={"metrics"}),
        "metrics": {name: _round(value) for name, value in metrics.items()},
        "stages": {name: one.looks for name, one in stages.items() if one is not None},
    }


def _groups(row: Row) -> list[dict[str, Any]]:
    """Return what the records themselves tell of groups, never what lies in private files."""
    return [
        {
            "name": name,
            "sessions": found.sessions,
            "persons": found.persons,
            "numbers": {
                number: _summary(found.numbers[number])
                for number in SHOWN
                if number in found.numbers
            },
        }
        for name, found in results_by_group(row).items()
    ]


def _rounded(values: Iterable[float | None]) -> list[float | None]:
    return [_round(value) for value in values]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
