"""The contract held in a run: before training, and once more with the trained checkpoint."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from mmengine.device import get_device

from adabench.batching import collate
from adabench.data.dataset import ClipDataset
from adabench.models.assessor import Assessor, MoveAndScale
from adabench.records.schema.record import Record
from adabench.records.schema.sections import Contract
from adabench.structures import Inputs, Truth
from adabench.testing import ContractReport, check_contract, check_view, refuse_broken

# CPU seconds that one answer to two clips may take before training; gradients take three times that,
# and up to three times again. A dearer method is asked on the first batch, where it is trained.
_LIMIT = 3.0
REMEDY = "train.py --allow-broken goes on all the same, and the record says so"


def hold(
    assessor: Assessor, learnt_from: ClipDataset, rebuild: Callable[[], Assessor]
) -> ContractReport:
    """Check a method before it is trained, on the CPU; nothing of it or of the run changes.

    Args:
        assessor: the method, its scale fitted.
        learnt_from: the training clips as the run reads them: frames, or cached features. The clips
            with the lowest and the highest score are taken.
        rebuild: builds the method anew, as a run that reads its checkpoint would.
    """
    inputs, truth, lengths = _read(learnt_from)
    return check_contract(
        _on_cpu(assessor),
        inputs,
        truth,
        lengths=lengths,
        rebuild=lambda: _on_cpu(rebuild()),
        limit=_LIMIT,
    )


def hold_first(
    assessor: Assessor, batch: Mapping[str, Any], learnt_from: ClipDataset
) -> ContractReport:
    """Check on the first batch of training, on the device of training, what `hold` left to it."""
    method = copy.deepcopy(assessor).to(get_device())
    frames = {clip.clip: clip.frames for clip in learnt_from.clips}
    lengths = torch.tensor([frames[view.clip] for view in batch["ids"]])
    moved = method.data_preprocessor(batch)
    return check_view(method, moved["inputs"], moved["truth"], lengths=lengths)


def hold_trained(assessor: Assessor, selected_on: ClipDataset) -> ContractReport:
    """Ask a trained method once more, as `hold` does, what training may have broken."""
    inputs, _, lengths = _read(selected_on)
    report = check_contract(_on_cpu(assessor), inputs, lengths=lengths, trained=True, limit=_LIMIT)
    if not report.deferred:
        return report
    method = copy.deepcopy(assessor).to(get_device())
    return report.joined(check_view(method, inputs.to(get_device()), lengths=lengths))


def refuse(report: ContractReport, *, allow_broken: bool) -> None:
    """Raise ContractError with the findings of a broken report, unless that is allowed."""
    if not allow_broken:
        refuse_broken(report, REMEDY)


def contract_told(report: ContractReport) -> Contract:
    """Return what a record says of a contract that was held, broken or not checked."""
    seconds = sum(report.seconds.values())
    return Contract(outcome=report.outcome, reasons=[report.line()], seconds=seconds)


def worst_contract(records: Sequence[Record]) -> Contract | None:
    """Return the contract of records that are joined: the worst of theirs; None where one tells none."""
    told = [record.contract for record in records if record.contract is not None]
    if len(told) < len(records):
        return None
    return min(told, key=_badness)


def _badness(contract: Contract) -> int:
    return ("broken", "not checked", "held").index(contract.outcome)


def with_stages(contract: Contract, stages: Mapping[str, Contract | None]) -> Contract:
    """Return what is to be said of a method and the stages below it: the worst, each stage by name."""
    below = {name: each for name, each in stages.items() if each is not None}
    every = [contract, *below.values()]
    return Contract(
        outcome=min(every, key=_badness).outcome,
        reasons=[
            *contract.reasons,
            *(f"stage {name}: {why}" for name, each in below.items() for why in each.reasons),
        ],
        seconds=contract.seconds,
    )


def _read(dataset: ClipDataset) -> tuple[Inputs, Truth | None, torch.Tensor]:
    """Return a batch of two clips, its truth, and how many frames these clips have."""
    known = [clip.score for clip in dataset.clips]
    order = sorted(range(len(known)), key=lambda n: (known[n] is None, known[n] or 0.0, n))
    picked = dict.fromkeys((order[0], order[-1]))
    first = {number: dataset.first_view(number) for number in picked}
    batch = MoveAndScale()(collate([dataset[item] for item in first.values()]))
    lengths = torch.tensor([dataset.clips[number].frames for number in first])
    return batch["inputs"], batch["truth"], lengths


def _on_cpu(assessor: Assessor) -> Assessor:
    return copy.deepcopy(assessor).cpu()
