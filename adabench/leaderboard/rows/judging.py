"""Says of a table's rows where they stand, and gives those of one corpus their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from adabench.evaluation.controls import SHUFFLED
from adabench.evaluation.intervals import mean_rmse_draws, percentile_interval
from adabench.evaluation.significance import MeanDifference
from adabench.leaderboard.checks.bounds import bound_reasons
from adabench.leaderboard.checks.claims import experiment_beside, unshuffled_hash
from adabench.leaderboard.places import MEASURED
from adabench.leaderboard.rows.row import Row
from adabench.leaderboard.statistics.controls import ORACLE
from adabench.leaderboard.statistics.errors import row_parts
from adabench.leaderboard.statistics.peers import Peers
from adabench.leaderboard.statistics.standing import Standing, standings
from adabench.leaderboard.statistics.told import Reach
from adabench.records.files.labels import CorpusLabels, labels_for
from adabench.records.schema.record import Record
from adabench.records.schema.rounding import DECIMALS
from adabench.records.schema.sections import Reported


def judged(
    rows: list[Row], labels: Mapping[str, CorpusLabels]
) -> tuple[list[Row], dict[Peers, Reach]]:
    """Return the rows with their standing, and for each group of peers what its rows can tell apart.

    Rows of different corpora that are no draws of one family are not compared.
    """
    by_corpus: dict[str | None, dict[int, list[Record]]] = {}
    for index, row in enumerate(rows):
        records = [entry.record for entry in row.entries]
        if not isinstance(records[0].origin, Reported):
            corpus = records[0].family or records[0].corpus_checksum
            by_corpus.setdefault(corpus, {})[index] = records
    judges = {index: config for index, row in enumerate(rows) if (config := _shuffles(row))}
    doubted = [index for index, row in enumerate(rows) if _is_doubted(row)]
    found: dict[int, Standing] = {}
    reach: dict[Peers, Reach] = {}
    told = list(rows)
    for group in by_corpus.values():
        own = labels_for([record for members in group.values() for record in members], labels)
        standing, reached = standings(group, own, judged=judges, doubted=doubted)
        found |= standing
        # Of several corpora the first speaks; a table says itself that it has several.
        reach = reached | reach
        for index in group:
            told[index] = _with_interval(rows[index], own)
    return [
        replace(row, standing=_public(found.get(index, row.standing), row))
        for index, row in enumerate(told)
    ], reach


def _with_interval(row: Row, labels: Mapping[str, float] | None) -> Row:
    """Give several runs on one corpus the interval of their mean RMSE, over persons and over runs."""
    if len(row.entries) < 2:
        return row
    try:
        parts = row_parts([entry.record for entry in row.entries], labels)
    except ValueError:
        # Without predictions or labels there is none.
        return row
    (part, *others) = parts.values()
    if others or len(set(part.subjects)) < 2:
        return row
    low, high = percentile_interval(mean_rmse_draws(part.errors, part.subjects))
    if row.entries[0].record.licensed:
        low, high = round(low, DECIMALS), round(high, DECIMALS)
    rmse = replace(row.metrics["RMSE"], interval=(low, high))
    return replace(row, metrics={**row.metrics, "RMSE": rmse})


def _public(standing: Standing, row: Row) -> Standing:
    """A difference on a licensed corpus has two decimals, as all that comes of its labels."""
    behind = standing.behind
    if behind is None or not row.entries[0].record.licensed:
        return standing
    low, high = behind.interval or (0.0, 0.0)
    interval = behind.interval and (round(low, DECIMALS), round(high, DECIMALS))
    difference = round(behind.difference, DECIMALS)
    return replace(standing, behind=MeanDifference(difference, interval, behind.p))


def _shuffles(row: Row) -> str | None:
    """The hash of the config whose labels a control shuffles, where its own config can be read."""
    first = row.entries[0]
    if first.record.method != SHUFFLED or first.record.kind != "control":
        return None
    experiment = experiment_beside(first.path, first.record)
    return None if experiment is None else unshuffled_hash(experiment)


def _is_doubted(row: Row) -> bool:
    """Whether a bound may be forged: it was not accepted, and the generator does not give it."""
    first = row.entries[0]
    if row.kind != "bound" or row.method != ORACLE or first.place == MEASURED:
        return False
    return any(
        reason
        for entry in row.entries
        for reason in bound_reasons(entry.record, experiment_beside(entry.path, entry.record))
    )
