"""The contract of a method that is no network: a row's prediction rests on that row alone."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adabench.models.estimator import EstimatorMethod
from adabench.testing.report import ContractReport, Finding
from adabench.testing.rules import ESTIMATOR_RULES, EXTRACTS

# What two predictions may differ by: a share of the largest.
_ROUNDING = 1e-9
# Rows that are asked one by one.
_ALONE = 5

Rows = NDArray[np.float64] | int
#: (rule, what was seen)
Fault = tuple[str, str]


def check_estimator(
    method: EstimatorMethod, features: ArrayLike | int, again: ArrayLike | None = None
) -> ContractReport:
    """Ask a fitted estimator for the same rows in several ways.

    Args:
        method: fitted.
        features: (N, D), or the number N for an estimator that reads none.
        again: (1, D), the first of them as its extractor gave it once more, after the others.
    """
    started = time.perf_counter()
    rows: Rows = features if isinstance(features, int) else np.asarray(features, dtype=np.float64)
    rules = [rule for rule in ESTIMATOR_RULES if again is not None or rule != EXTRACTS]
    faults = dict(_faults(method, rows))
    if again is not None and not isinstance(rows, int):
        changed = _gap(rows[:1], np.asarray(again, dtype=np.float64))
        if changed:
            faults[EXTRACTS] = f"the first clip's features change by {changed:.3g} the next time"
    findings = tuple(_finding(method, rule, detail) for rule, detail in faults.items())
    asked = rules if faults.keys().isdisjoint(("runs", "finite")) else []
    held = tuple(rule for rule in asked if rule not in faults)
    why = "it gives no scores to compare"
    skipped = {} if asked else {rule: why for rule in rules if rule not in faults}
    return ContractReport(findings, held, skipped, {"estimator": time.perf_counter() - started})


def _finding(method: EstimatorMethod, rule: str, detail: str) -> Finding:
    role, part = "estimator", method.estimator
    if rule == EXTRACTS:
        role, part = "extractor", method.extractor
    return Finding(type(part).__name__, role, rule, detail, ESTIMATOR_RULES[rule].mend)


def _faults(method: EstimatorMethod, rows: Rows) -> Iterator[Fault]:
    count = rows if isinstance(rows, int) else len(rows)
    state = np.random.get_state()  # noqa: NPY002 - the global state that an estimator may draw from
    try:
        base = method.predict(rows)
        if base.shape != (count,):
            yield "runs", f"{count} rows got scores of shape {base.shape}"
            return
        if not np.isfinite(base).all():
            yield "finite", "a score is not finite"
            return
        yield from _differences(method, rows, base)
    except Exception as error:  # noqa: BLE001 - an estimator may be foreign code: what it raises is a finding
        yield "runs", f"{type(error).__name__}: {error}"
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _differences(method: EstimatorMethod, rows: Rows, base: NDArray[np.float64]) -> Iterator[Fault]:
    again = _gap(base, method.predict(rows))
    if again:
        yield "repeats", f"scores change by {again:.3g} points a second time"
        # Whatever changes by itself changes in every other way too.
        return
    back = np.arange(len(base))[::-1]
    turned = _gap(base[back], method.predict(_taken(rows, back)))
    if turned:
        yield "batch", f"scores change by {turned:.3g} points in another order"
    else:
        single = np.arange(min(len(base), _ALONE))
        alone = [method.predict(_taken(rows, [row]))[0] for row in single]
        if apart := _gap(base[single], np.array(alone)):
            yield "batch", f"a score changes by {apart:.3g} points when its row is alone"
    # A deep copy asks an object for the state that pickling asks it for, so that what a file would
    # lose is lost here too, and nothing has to be written.
    if lost := _gap(base, copy.deepcopy(method).predict(rows)):
        yield "saved", f"scores change by {lost:.3g} points in a copy"


def _taken(rows: Rows, picked: ArrayLike) -> Rows:
    index = np.asarray(picked)
    return len(index) if isinstance(rows, int) else rows[index]


def _gap(base: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest difference, 0 up to rounding."""
    if base.shape != other.shape:
        return float("inf")
    gap = float(np.abs(base - other).max()) if len(base) else 0.0
    return gap if gap > _ROUNDING * max(1.0, float(np.abs(base).max())) or gap != gap else 0.0
