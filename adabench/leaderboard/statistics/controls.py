"""Does a control contradict a measured row?

A method that has learnt something is better than the training mean and than itself trained on
labels shuffled among sessions; on a generated corpus it can't be better than the oracle. And shuffled
labels themselves must teach nothing: if they do, something else tells the labels. So it does where a control
that reads no face is better than the training mean. A control that is contradicted itself judges
nobody.

On draws a row is held against each draw's own control, and what is judged is the mean over draws of its
error as a share of the control's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final, NamedTuple, TypeVar

from adabench.evaluation.controls import CONSTANT, FACELESS, SHUFFLED
from adabench.evaluation.significance import LEVEL, p_words
from adabench.records.checks.content import constant_reasons
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Measured

#: The method name of the generator's oracle.
ORACLE: Final = "bound: oracle"

K = TypeVar("K", bound=Hashable)

_METHOD: Final = "method"


@dataclass(frozen=True)
class _Row:
    """What is judged of a row: its role, figures (means over runs), and what it was tested on.

    Attributes:
        rmse: what it was tested on (track, corpus, sessions, protocol) → its RMSE there.
        persons: over all of these tests.
        config: hash of its config, its name, and overrides but for the shuffling itself.
        judged: hash of the only config that its shuffled labels judge, where that is known.
        fault: why it is no constant, although it is called one.
        shortcut: where it reads no face and is better than the training mean nevertheless.
    """

    role: str
    rmse: Mapping[_Test, float]
    pcc: float | None
    persons: int
    config: tuple[str | None, str, tuple[str, ...]]
    judged: str | None
    fault: str
    shortcut: str


class _Test(NamedTuple):
    """What a run was tested on."""

    track: str
    corpus: str | None
    sessions: Hashable
    protocol: str | None


class _Against(NamedTuple):
    """A row held against a control.

    Attributes:
        share: the mean over draws of the row's error as a share of the control's.
        own, control: mean RMSE of both there, points.
        tests: how many draws these are.
    """

    share: float
    own: float
    control: float
    tests: int


@dataclass
class _Judges:
    """The controls that are believed."""

    constants: list[_Row] = field(default_factory=list)
    shuffled: list[_Row] = field(default_factory=list)
    oracles: list[_Row] = field(default_factory=list)

    def constant_for(self, row: _Row) -> _Against | None:
        """Hold a row against the best constant of its data and protocol."""
        return _held(row, self.constants, best=True)

    def shuffled_for(self, row: _Row) -> _Against | None:
        """Hold a row against the best of its own config on shuffled labels."""
        return _held(row, [s for s in self.shuffled if _judges_config(s, row)], best=True)

    def oracle_for(self, row: _Row) -> _Against | None:
        """Hold a row against the worst of the oracles of its sessions, whatever the protocol."""
        return _held(row, self.oracles, best=False, any_protocol=True)


def _held(
    row: _Row, controls: Sequence[_Row], *, best: bool, any_protocol: bool = False
) -> _Against | None:
    """Hold a row against the best or worst control of each of its tests; None where there is none."""
    pairs: list[tuple[float, float]] = []
    for test, own in row.rmse.items():
        known = [
            rmse
            for control in controls
            for other, rmse in control.rmse.items()
            if other[:3] == test[:3] and (any_protocol or other.protocol == test.protocol)
        ]
        if known:
            pairs.append((own, min(known) if best else max(known)))
    if not pairs:
        return None
    return _Against(
        fmean(own / control if control else math.inf for own, control in pairs),
        fmean(own for own, _ in pairs),
        fmean(control for _, control in pairs),
        len(pairs),
    )


def contradictions(
    rows: Mapping[K, Sequence[Record]],
    *,
    judged: Mapping[K, str] | None = None,
    doubted: Collection[K] = (),
) -> dict[K, str]:
    """Return the reason for each row that a control contradicts.

    A row is judged by the constant of its own track, prepared corpus, protocol and test sessions, by
    its own config on shuffled labels there, and by the oracle of its own track, corpus and test
    sessions. Means over runs are compared as they are: a flag asks for a look and is no proof.

    Shuffled labels are flagged where they are better than the constant and their predictions go with
    the labels by more than chance (one-sided test of Pearson's correlation over persons, 5 %). A
    lower RMSE alone would not do: two constants differ by where the test persons happen to lie. A
    constant is flagged where it tells sessions apart, or its folds go with the labels. Neither then
    judges others, nor does an oracle that is no better than the constant. A control that reads no
    face is flagged where it beats the training mean significantly on development or test sessions.

    Args:
        rows: the rows of one track and one corpus or family of draws, controls and bounds among them;
            the records of a row are its runs. Reported rows are not judged.
        judged: row of shuffled labels → hash of the config that it shuffles; without it, the config of
            the same name and overrides is judged.
        doubted: bounds that may not be the generator's own: they judge nobody.
    """
    judged = judged or {}
    known = {key: _row(records, judged.get(key)) for key, records in rows.items() if records}
    judges = _Judges()
    found: dict[K, str] = {}
    methods: list[_Row] = []
    roles: tuple[tuple[str, Callable[[_Row, _Judges], Iterator[str]], list[_Row]], ...] = (
        (CONSTANT, _constant_reasons, judges.constants),
        (SHUFFLED, _shuffled_reasons, judges.shuffled),
        *((name, _faceless_reasons, []) for name in FACELESS),
        (ORACLE, _oracle_reasons, judges.oracles),
        (_METHOD, _method_reasons, methods),
    )
    # In this order: each is held against those before it that are believed.
    for role, reasons, believed in roles:
        for key, row in known.items():
            if row.role != role or key in doubted:
                continue
            told = "; ".join(reasons(row, judges))
            if not told:
                believed.append(row)
            elif role != ORACLE:
                found[key] = told
    return {key: found[key] for key in known if key in found}


def _row(records: Sequence[Record], judged: str | None) -> _Row:
    first = records[0]
    correlations = [record.metrics.PCC for record in records if record.metrics.PCC is not None]
    overrides = tuple(option for option in first.overrides if "shuffle_labels" not in option)
    found: dict[_Test, list[float]] = {}
    persons: dict[_Test, int] = {}
    for record in records:
        test = _Test(record.track, record.corpus_checksum, _tested(record), record.protocol)
        found.setdefault(test, []).append(record.metrics.RMSE)
        persons[test] = record.persons
    return _Row(
        role=_role(first),
        rmse={test: fmean(own) for test, own in found.items()},
        pcc=fmean(correlations) if len(correlations) == len(records) else None,
        persons=sum(persons.values()),
        config=(first.config_hash, first.config, overrides),
        judged=judged,
        fault="; ".join(reason for record in records for reason in constant_reasons(record)),
        shortcut="; ".join(_shortcuts(records)),
    )


def _shortcuts(records: Sequence[Record]) -> Iterator[str]:
    """Say where a control beats the training mean, in more of its records than by chance."""
    splits = sorted({split for record in records for split in record.against_constant})
    for split in splits:
        held = [r.against_constant[split] for r in records if split in r.against_constant]
        fired = [one for one in held if one.fires]
        if not fired or _binomial_p(len(fired), len(held)) > LEVEL:
            continue
        rmse, constant = fmean(one.rmse for one in held), fmean(one.constant for one in held)
        times = f", in {len(fired)} of {len(held)}" if len(held) > 1 else f", {p_words(fired[0].p)}"
        yield f"on {split}, RMSE {rmse:.2f} against {constant:.2f}{times}"


def _binomial_p(fired: int, of: int) -> float:
    """How likely so many or more of `of` tests at `LEVEL` are called when there is nothing."""
    return sum(math.comb(of, n) * LEVEL**n * (1 - LEVEL) ** (of - n) for n in range(fired, of + 1))


def _tested(record: Record) -> Hashable:
    """What can be said of the sessions: of a licensed corpus only how many."""
    if record.licensed:
        return record.sessions, record.persons
    return frozenset(entry.session for entry in record.predictions)


def _role(record: Record) -> str:
    if not isinstance(record.origin, Measured):
        return "reported"
    return _METHOD if record.kind == "method" else record.method


def _judges_config(control: _Row, row: _Row) -> bool:
    if control.judged is not None:
        return control.judged == row.config[0]
    return control.config[1:] == row.config[1:]


def _constant_reasons(row: _Row, judges: _Judges) -> Iterator[str]:
    del judges
    if row.fault:
        yield row.fault
    elif _goes_with_labels(row):
        yield (
            f"it goes with the labels by more than chance (PCC {row.pcc:.2f} over {row.persons} "
            "persons): something tells them"
        )


def _shuffled_reasons(row: _Row, judges: _Judges) -> Iterator[str]:
    constant = judges.constant_for(row)
    if constant is not None and constant.share < 1 and _goes_with_labels(row):
        yield (
            f"better than the constant by more than chance ({_figures(constant)}, PCC {row.pcc:.2f} "
            f"over {row.persons} persons): something tells the labels"
        )


def _faceless_reasons(row: _Row, judges: _Judges) -> Iterator[str]:
    del judges
    if row.shortcut:
        yield f"reads no face and is better than the constant ({row.shortcut}): a shortcut tells"


def _oracle_reasons(row: _Row, judges: _Judges) -> Iterator[str]:
    constant = _held(row, judges.constants, best=True, any_protocol=True)
    if constant is not None and constant.share >= 1:
        yield "no better than the constant"


def _method_reasons(row: _Row, judges: _Judges) -> Iterator[str]:
    constant, shuffled = judges.constant_for(row), judges.shuffled_for(row)
    oracle = judges.oracle_for(row)
    if constant is not None and constant.share >= 1:
        yield f"no better than the constant ({_figures(constant)})"
    if shuffled is not None and shuffled.share >= 1:
        yield f"no better than shuffled labels ({_figures(shuffled)})"
    if oracle is not None and oracle.share < 1:
        yield f"better than the oracle, which knows the scores' own noise ({_figures(oracle)})"


def _goes_with_labels(row: _Row) -> bool:
    return _correlation_p(row.pcc or 0.0, row.persons - 2 * (len(row.rmse) - 1)) < LEVEL


def _correlation_p(pcc: float, persons: int) -> float:
    """One-sided p value of a correlation, from its figure alone: licensed records hold no labels."""
    # Student's distribution as scipy.stats has it, which takes a second longer to import.
    from scipy.special import stdtr

    free = persons - 2
    if pcc <= 0 or free < 1:
        return 1.0
    if pcc >= 1:
        return 0.0
    return float(stdtr(free, -pcc * math.sqrt(free / (1 - pcc**2))))


def _figures(against: _Against) -> str:
    over = f", over {against.tests} draws {against.share:.2f} of it" if against.tests > 1 else ""
    return f"RMSE {against.own:.2f} against {against.control:.2f}{over}"
