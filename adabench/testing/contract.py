"""The one list of checks that everybody runs: a training, `check_plugin`, tests.

A check that finds something stops no other: what it asks is left out of those that need it, and the
report tells of all. Parts are asked on the CPU, one thing at a time: a part that answers otherwise
though it is given the same is the culprit, and its first answer stands in for what is behind it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from adabench.models.assessor import ROLES, Assessor
from adabench.structures import Inputs, Truth
from adabench.testing.elsewhere import device, precision_and_input
from adabench.testing.flow import PartFailedError, Problem, at_random_state_kept, part_name
from adabench.testing.learning import labels_forgotten, rows
from adabench.testing.predicting import independence, signatures, state_kept
from adabench.testing.report import ContractReport, Finding, refuse_broken
from adabench.testing.rules import RULES
from adabench.testing.subject import (
    NotCheckedError,
    Subject,
    last_frames,
    look,
    look_at_own_view,
    make_subject,
)
from adabench.testing.training import Training

# Rules that compare two answers.
_MOVED = ("batch", "padding", "labels forgotten", "checkpoint")
# Rules that an output alone can break.
_LOOKED = ("runs", "returns", "dtypes", "finite", "spans", "weights")

Probe = Callable[[], Iterator[Problem]]


@dataclass(frozen=True)
class Check:
    """What decides some of the rules.

    Attributes:
        name: of the check.
        rules: that hold when it finds nothing.
        probe: yields what is wrong.
        trained: whether a trained checkpoint is asked this too.
    """

    name: str
    rules: tuple[str, ...]
    probe: Probe
    trained: bool = True


def checks_of(subject: Subject) -> list[Check]:
    """Return the list of checks, in the order in which they are run."""
    training = Training(subject)
    before = {key: value.clone() for key, value in subject.method.state_dict().items()}

    def after_training() -> Iterator[Problem]:
        yield from training.memories()

    return [
        Check("signatures", ("no labels",), lambda: signatures(subject), trained=False),
        Check("outputs", _LOOKED, lambda: look(subject)),
        Check("independence", ("repeats", "batch", "padding"), lambda: independence(subject)),
        Check("state", ("state",), lambda: state_kept(subject, before)),
        Check(
            "asides",
            ("precision", "input kept"),
            lambda: precision_and_input(subject),
            trained=False,
        ),
        Check("device", ("device",), lambda: device(subject), trained=False),
        Check("labels", ("labels forgotten",), lambda: labels_forgotten(subject), trained=False),
        Check("rows", ("rows",), lambda: rows(subject), trained=False),
        Check("training", ("losses",), training.run, trained=False),
        Check("gradients", ("gradients",), training.gradients, trained=False),
        Check("checkpoint", ("checkpoint",), training.checkpoint, trained=False),
        Check("memories", ("repeats", "batch", "padding"), after_training, trained=False),
    ]


def check_contract(
    assessor: Assessor,
    inputs: Inputs,
    truth: Truth | None = None,
    *,
    lengths: Tensor | None = None,
    exempt: Sequence[str] = (),
    rebuild: Callable[[], Assessor] | None = None,
    trained: bool = False,
    limit: float = math.inf,
) -> ContractReport:
    """Check the whole contract; the assessor, random numbers and modes are left as they were.

    Args:
        assessor: the method, on the CPU.
        inputs: a batch of B clips of the view that training reads, best of different lengths.
        truth: its ground truth; without it nothing is trained.
        lengths: (B,) frames a clip; by default up to the last frame that is seen.
        exempt: patterns (``selector.tokens.*``) of parameters that by design get no gradient.
        rebuild: builds the method anew, to load the state dict into; by default a copy is taken
            before training.
        trained: ask only what a trained checkpoint has to be asked again.
        limit: CPU seconds that one answer on the view of ``inputs`` may take, as the smallest view
            lets expect; what takes longer is left to `check_view`, and the report is ``deferred``.
    """
    with at_random_state_kept(seed=0), torch.no_grad():
        subject = make_subject(
            assessor,
            inputs,
            truth,
            lengths=lengths,
            rebuild=rebuild,
            exempt=exempt,
            limit=limit,
        )
        checks = [each for each in checks_of(subject) if each.trained or not trained]
        return replace(_run(subject, checks), deferred=subject.deferred)


def check_view(
    assessor: Assessor, inputs: Inputs, truth: Truth | None = None, *, lengths: Tensor | None = None
) -> ContractReport:
    """Check on one batch, on the device where it is, what `check_contract` left to it.

    These are the outputs, and with a truth the losses and gradients; arguments as there.
    """
    with at_random_state_kept(seed=0), torch.no_grad():
        last = last_frames(inputs) if lengths is None else lengths
        method = copy.deepcopy(assessor).eval()
        subject = Subject(method, inputs, truth, inputs, last.to(inputs.valid.device))
        training = Training(subject)
        checks = [
            Check("own view", _LOOKED, lambda: look_at_own_view(subject)),
            Check("own view in training", ("losses", "gradients"), training.own_view),
        ]
        return _run(subject, checks if truth is not None else checks[:1])


def _run(subject: Subject, checks: Sequence[Check]) -> ContractReport:
    findings: dict[tuple[str, str], Finding] = {}
    asked: dict[str, None] = {}
    skipped: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for check in checks:
        started = time.perf_counter()
        try:
            for problem in _problems(subject, check):
                if problem.rule in _MOVED and (problem.role, "repeats") in findings:
                    # What changes by itself changes in every other way too.
                    continue
                # One finding a part and rule: further draws say the same again.
                findings.setdefault((problem.role, problem.rule), _finding(subject, problem))
            asked.update(dict.fromkeys(check.rules))
        except NotCheckedError as reason:
            skipped.update(dict.fromkeys(check.rules, str(reason)))
        seconds[check.name] = time.perf_counter() - started
    broken = {rule for _, rule in findings}
    held = tuple(rule for rule in asked if rule not in broken)
    left = {r: why for r, why in skipped.items() if r not in broken and r not in asked}
    return ContractReport(tuple(findings.values()), held, left, seconds)


def _problems(subject: Subject, check: Check) -> Iterator[Problem]:
    """Run one check; what a part raises in it is a problem too, and ends this check only."""
    needs_truth = check.name in ("training", "gradients", "checkpoint", "memories")
    if needs_truth and subject.truth is None:
        raise NotCheckedError("no ground truth was given")
    try:
        yield from check.probe()
    except PartFailedError as error:
        yield subject.failed(error, doing=f" in the check of {check.name}")


def _finding(subject: Subject, problem: Problem) -> Finding:
    return Finding(
        part=part_name(subject.method, problem.role if problem.role in ROLES else "method"),
        role=problem.role,
        rule=problem.rule,
        detail=problem.detail,
        mend=RULES[problem.rule].mend,
        place=problem.place,
    )


def check_assessor(
    assessor: Assessor,
    inputs: Inputs,
    truth: Truth | None = None,
    *,
    lengths: Tensor | None = None,
    exempt: Sequence[str] = (),
) -> ContractReport:
    """Do as `check_contract`, and refuse a method that breaks a rule.

    Raises:
        ContractError: with every finding.
    """
    report = check_contract(assessor, inputs, truth, lengths=lengths, exempt=exempt)
    refuse_broken(report)
    return report
