"""`check_plugin`: build a method from its config, and hold it to the contract."""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from adabench.evaluation.scale import BDI_II, Scale
from adabench.models.assessor import ROLES, Assessor
from adabench.models.roles import Backbone, IncompatiblePartsError
from adabench.plugins import load_plugins
from adabench.registry import MODELS, UnknownTypeError
from adabench.structures import Inputs, Truth
from adabench.testing.contract import check_contract
from adabench.testing.examples import SIGNAL_NAMES, example_batch
from adabench.testing.flow import at_random_state_kept, place_in, place_of
from adabench.testing.report import ContractError, ContractReport, Finding, refuse_broken
from adabench.testing.rules import BUILDING, RULES

#: Frames a segment of the example for a backbone that reads segments and asks for no other number.
SEGMENT = Backbone.trial[0]
# Enough segments for several temporal scales, and a clip with fewer than those.
_SEGMENTS = (6, 1, 3)

_PLAIN: dict[str, Any] = {
    "backbone": {
        "type": "TimmFrames",
        "name": "resnet18",
        "options": {"channels": (8, 8, 16, 16), "stem_width": 8},
    },
    "aggregator": {"type": "Identity"},
    "selector": {"type": "KeepAll"},
    "head": {"type": "UnitRegressor"},
}


def check_plugin(
    method: Mapping[str, Any],
    *,
    inputs: Inputs | None = None,
    truth: Truth | None = None,
    exempt: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    scale: Scale = BDI_II,
) -> Assessor:
    """Build a method and check the whole contract.

    Args:
        method: configs of the parts by role, whose ``type`` is a name or a class; a role that is
            left out is filled with a plain part (a small ``TimmFrames``, ``Identity``, ``KeepAll``,
            ``UnitRegressor``).
        inputs: a batch; by default :func:`example_batch`, of segments for a backbone that reads them.
        truth: its ground truth.
        exempt: patterns (``selector.tokens.*``) of parameters that by design get no gradient.
        plugins: files and folders to load first; those that are installed are loaded in any case.
        scale: of the corpus that the method would be trained on.

    Returns:
        The method, as it was built.

    Raises:
        ContractError: with every finding; the first one is the clearest.

    Example::

        def test_my_selector():
            check_plugin({"selector": {"type": "MySelector"}}, plugins=[Path("my_plugins")])
    """
    report, assessor = report_plugin(
        method, inputs=inputs, truth=truth, exempt=exempt, plugins=plugins, scale=scale
    )
    refuse_broken(report)
    if assessor is None:
        raise ContractError("the method was not built", report)
    return assessor


def report_plugin(
    method: Mapping[str, Any],
    *,
    inputs: Inputs | None = None,
    truth: Truth | None = None,
    exempt: Sequence[str] = (),
    plugins: Sequence[Path] = (),
    scale: Scale = BDI_II,
) -> tuple[ContractReport, Assessor | None]:
    """Do as :func:`check_plugin`, and return what was found beside the method, if it can be built."""
    findings = _load(plugins)
    parts = {key: value for key, value in method.items() if key != "name"}
    config = {"type": "Assessor", **_PLAIN, **parts, "scale": scale, "signals": _names(inputs)}
    if findings:
        return ContractReport(tuple(findings)), None
    try:
        assessor: Assessor = _built(config)
    except Exception as error:  # noqa: BLE001 - a constructor is foreign code: whatever it raises is a finding
        return ContractReport((_building_fault(config, parts, error),)), None
    if inputs is None or truth is None:
        inputs, truth = _example(assessor)
    assessor.head.fit_scale(truth.score)
    with _one_thread():
        report = check_contract(
            assessor, inputs, truth, exempt=exempt, rebuild=lambda: _built(config)
        )
    return ContractReport((), BUILDING).joined(report), assessor


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: oneDNN's convolutions of few channels crash on several, backwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _built(config: dict[str, Any]) -> Assessor:
    return MODELS.build(copy.deepcopy(config))


def _names(inputs: Inputs | None) -> tuple[str, ...]:
    """Return the names of the signals that a batch holds, or those of the example."""
    given = None if inputs is None else inputs.signals
    return SIGNAL_NAMES if given is None else given.names


def _example(assessor: Assessor) -> tuple[Inputs, Truth]:
    reads, (length, size) = assessor.backbone.reads, assessor.backbone.trial
    if not assessor.backbone.per_segment:
        return example_batch(reads=reads, size=size, scale=assessor.scale)
    lengths = [length * count for count in _SEGMENTS]
    return example_batch(
        reads=reads, segment=length, lengths=lengths, size=size, scale=assessor.scale
    )


def _load(plugins: Sequence[Path]) -> list[Finding]:
    """Load plugins; return what failed of those that were named."""
    named = [path.resolve() for path in plugins]
    failed = load_plugins(plugins).failed
    return [
        Finding(
            part=failure.name.rpartition(".")[2],
            role="plugin",
            rule="loads",
            detail=failure.cause,
            mend=RULES["loads"].mend,
            place=failure.location,
        )
        for failure in failed
        if any(str(path) in failure.location for path in named)
    ]


def _building_fault(config: dict[str, Any], parts: Mapping[str, Any], error: Exception) -> Finding:
    """Say which part can't be built, by putting plain parts in the place of all others."""
    for role in [each for each in ROLES if each in parts]:
        try:
            with at_random_state_kept():
                plain = {"type": "Assessor", **_PLAIN, "signals": config["signals"]}
                _built({**plain, role: config[role]})
        except IncompatiblePartsError:
            continue
        except Exception as alone:  # noqa: BLE001 - as above
            return _fault_of(role, config[role], alone)
    mend = "Name parts that fit each other; what each needs stands in its docstring."
    return Finding("the method", "method", "constructor", str(error), mend)


def _fault_of(role: str, config: Any, error: Exception) -> Finding:
    kind = _class_of(config)
    name = (
        kind.__name__ if kind else str(config.get("type") if isinstance(config, dict) else config)
    )
    rule, mend = _explained(kind, error)
    place = None
    if kind is not None:
        place = place_in(error, kind) or place_of(kind, "__init__")
    return Finding(
        name,
        role,
        rule,
        f"{type(error).__name__}: {error}",
        " ".join(filter(None, (mend, RULES[rule].mend))),
        place,
    )


def _class_of(config: Any) -> type | None:
    try:
        found = MODELS.type_of(config)
    except (TypeError, UnknownTypeError):
        return None
    return found if isinstance(found, type) else None


def _explained(kind: type | None, error: Exception) -> tuple[str, str]:
    """Return the rule that an error of building breaks, and what only this case has to say."""
    told = str(error)
    if isinstance(error, UnknownTypeError):
        return "registered", ""
    if "before Module.__init__() call" in told or "has no attribute '_parameters'" in told:
        return "initialised", ""
    if "a subclass of" in told or "abstract" in told:
        return "role", ""
    if kind is not None and "unexpected keyword argument" in told:
        return "constructor", _unknown_keyword(kind, told)
    return "constructor", ""


def _unknown_keyword(kind: type, told: str) -> str:
    keyword = told.rpartition("argument ")[2].strip("'\". ")
    known = [
        p.name for p in inspect.signature(kind).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    if keyword in ("units", "features", "scale"):
        return f"The builder passes {keyword}=: add it to __init__."
    near = difflib.get_close_matches(keyword, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}{kind.__name__} takes: {', '.join(known) or 'nothing'}."
