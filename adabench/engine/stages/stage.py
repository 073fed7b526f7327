"""Stages: trained before a method, found by the hash of everything they depend on, shared by all."""

from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from adabench.config.digest import digest
from adabench.config.experiment import Data, Experiment
from adabench.config.references import in_order, needed, seeded
from adabench.data.digests import DigestBook
from adabench.data.files import mark_used, remove_leftovers
from adabench.data.locks import alone_in
from adabench.data.prepared import PreparedCorpus
from adabench.engine.data.rundata import RunData
from adabench.engine.files.timings import Timings
from adabench.engine.training.fit import Fit
from adabench.models import Assessor
from adabench.plugins.fingerprints import code_of, code_of_classes
from adabench.records.schema.sections import Contract
from adabench.registry import STAGES

RESULT = "result.pth"
REPORT = "stage.json"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageResult:
    """A finished stage.

    Attributes:
        name: as the config calls it.
        path: its checkpoint.
        key: hash of everything it depends on.
        seconds: wall time that it took when it was trained, whoever did.
        measured: what it measured then.
        contract: what was found then of the method that it trained; None where it trained none.
    """

    name: str
    path: Path
    key: str = ""
    seconds: float = 0.0
    measured: Mapping[str, float] = field(default_factory=dict)
    contract: Contract | None = None


#: Trains the method of an experiment on data that is open already, in a folder, resuming what is
#: there; returns the network at its best, what the training gave, and what was found of the contract.
FitMethod = Callable[[Experiment, RunData, Path], tuple[Assessor, Fit, Contract]]


@dataclass(frozen=True)
class StageContext:
    """What a stage may depend on.

    Attributes:
        experiment: the run that asks for it.
        read: the run's data.
        earlier: results of the stages before it, by name.
        fit: what a stage trains a method with, since a run knows stages and no stage a run.
    """

    experiment: Experiment
    read: RunData
    earlier: Mapping[str, StageResult]
    fit: FitMethod

    @property
    def corpus(self) -> PreparedCorpus:
        """The run's corpus."""
        return self.read.corpus

    @property
    def data(self) -> Data:
        """The run's data section."""
        return self.experiment.data


class Stage(ABC):
    """Something that is trained once. Its seed is its own, unless its config says that of the run.

    Attributes:
        contract: of the method that it trains, once that is found; None where it trains none.
    """

    version: ClassVar[int] = 1
    contract: Contract | None = None

    @abstractmethod
    def depends_on(self, context: StageContext) -> Any:
        """Return plain values of everything the result depends on."""

    @abstractmethod
    def run(self, folder: Path, context: StageContext) -> dict[str, float]:
        """Train, resuming what an earlier call left in ``folder``, and write ``folder/result.pth``.

        Returns:
            What was measured, by name.
        """

    def check(self, experiment: Experiment) -> None:
        """Refuse what can be told to be wrong before anything long starts."""
        del experiment


class StageError(ValueError):
    """A stage that failed; what others finished is kept, and so is what this one had saved."""


def ensure_stages(
    experiment: Experiment, read: RunData, fit: FitMethod, until: str | None = None
) -> dict[str, StageResult]:
    """Find or train the stages of an experiment, each after those it refers to.

    Args:
        experiment: whose stages.
        read: its data.
        fit: what trains a method.
        until: the last stage wanted, with those it needs; all by default.

    Raises:
        StageError: naming the stage that failed, the cause, what is kept and how to go on.
        ValueError: references between stages that can't be followed.
    """
    done: dict[str, StageResult] = {}
    stages = seeded(experiment.stages, experiment.seed, experiment.draw)
    wanted = set(stages) if until is None else {until, *needed(stages[until], stages)}
    for name in in_order(stages):
        if name not in wanted:
            continue
        cfg = stages[name]
        context = StageContext(experiment, read, dict(done), fit)
        try:
            done[name] = ensure_stage(name, cfg, context)
        except (ValueError, ArithmeticError, OSError, RuntimeError, LookupError) as error:
            kept = ", ".join(done) or "none before it"
            raise StageError(
                f"stage {name!r} failed: {error}. Finished stages are kept ({kept}); mend the cause, "
                "and the same command goes on from there"
            ) from error
    return done


def stage_key(stage: Stage, context: StageContext, config: Mapping[str, Any] | None = None) -> str:
    """Return the hash of everything that a stage's result depends on.

    Args:
        stage: which one.
        context: what it may depend on.
        config: the stage's own; the code of parts in it from outside the repository counts too.
    """
    code = [*code_of_classes([type(stage)]), *code_of(config).values()]
    depends = stage.depends_on(context)
    return digest([type(stage).__name__, stage.version, depends, *([code] if code else [])])


def ensure_stage(name: str, cfg: dict[str, Any], context: StageContext) -> StageResult:
    """Find a stage's result by its hash, or train it; one that is damaged is made again.

    What is finished is only read: its folder may be another's.

    Raises:
        UnknownTypeError: the stage's type is not registered.
    """
    stage: Stage = STAGES.build(dict(cfg))
    key = stage_key(stage, context, cfg)
    folder = Path(context.data.root) / "stages" / f"{type(stage).__name__}-{key}"
    told, _ = _finished(folder)
    if told is None:
        with alone_in(folder):
            told, damage = _finished(folder)
            if told is None:
                if damage:
                    _logger.warning("stage %s: %s: it is made again", name, damage)
                told = _make(stage, cfg, folder, context)
    mark_used(folder)
    contract = told["contract"] or stage.contract
    return StageResult(name, folder / RESULT, key, told["seconds"], told["measured"], contract)


def _finished(folder: Path) -> tuple[dict[str, Any] | None, str]:
    """Return what a whole result's report says, or None and what is damaged, if anything is."""
    report = folder / REPORT
    if not (report.is_file() and (folder / RESULT).is_file()):
        return None, ""
    book = DigestBook(folder)
    for name in (RESULT, REPORT):
        difference = book.difference(name)
        if difference is not None:
            return None, f"{folder / name}: {difference}"
    told = _read_report(report)
    if told is None:
        return None, f"{report}: damaged"
    for name in (RESULT, REPORT):
        book.adopt(name)
    return told, ""


def _read_report(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_bytes())
        measured = {name: float(value) for name, value in told["measured"].items()}
        contract = told.get("contract")
        # A result of an earlier adabench says nothing about its time, nor of the contract.
        return {
            "seconds": float(told.get("seconds", 0.0)),
            "measured": measured,
            "contract": None if contract is None else Contract.model_validate(contract),
        }
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _make(stage: Stage, cfg: dict[str, Any], folder: Path, context: StageContext) -> dict[str, Any]:
    remove_leftovers(folder)
    book, timings = DigestBook(folder), Timings(folder / "timing.json", fresh=False)
    with timings("stage"):
        measured = stage.run(folder, context)
    book.note(RESULT)
    found = None if stage.contract is None else stage.contract.model_dump(mode="json")
    content = {
        "config": cfg,
        "measured": measured,
        "seconds": timings.seconds["stage"],
        **({} if found is None else {"contract": found}),
    }
    # Written last: its presence says that the result is whole.
    with book.writing(REPORT) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return {**content, "contract": stage.contract}
