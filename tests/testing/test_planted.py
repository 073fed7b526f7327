"""Planted faults are found and named at the right part; sound parts of odd shapes pass."""

from pathlib import Path

import planted_by_role as by_role
import planted_parts as planted
import pytest

from adabench.testing import ContractError, check_plugin, report_plugin

#: role, part, rules that name the fault; the first one is the clearest.
FAULTS = {
    "trailing axis": ("selector", "TrailingAxis", "returns"),
    "fixed size": ("selector", "FixedSize", "runs"),
    "NaN": ("selector", "NotANumber", "finite"),
    "tensor": ("selector", "BareTensor", "returns"),
    "takes truth": ("selector", "TakesTruth", "no labels"),
    "labels kept by loss": ("selector", "PeekMemory", "labels forgotten"),
    "counter": ("selector", "Counter", "repeats"),
    "plain running mean": ("selector", "PlainMean", "checkpoint"),
    "batch statistics": ("selector", "BatchStatistics", "batch"),
    "half at the end": ("selector", "HalfAtTheEnd", "dtypes"),
    "half inside": ("selector", "HalfInside", "precision"),
    "padding": ("selector", "Unmasked", "padding"),
    "negative weights": ("selector", "Negative", "weights"),
    "random": ("selector", "Random", "repeats"),
    "rows shuffled": ("selector", "ShuffledRows", "rows"),
    "made on the CPU": ("selector", "OnTheCPU", "device"),
    "no super().__init__()": ("selector", "NoInit", "initialised"),
    "no units": ("selector", "NoUnits", "constructor"),
    "typo": ("selector", {"type": planted.Typo, "keeep": 0.2}, "constructor"),
    "another role": ("selector", planted.UnitRegressor, "role"),
    "bare module": ("selector", "Bare", "role"),
    "not registered": ("selector", {"type": "SoftTpo"}, "registered"),
    "gradient cut": ("selector", "CutGradient", "gradients"),
    # Ten more.
    "Python's random": ("head", "PythonRandom", "repeats"),
    "squeeze": ("head", "Squeezes", "runs"),
    "deviation of one": ("aggregator", "StatisticsOfOne", "finite"),
    "in place": ("aggregator", "InPlace", "input kept"),
    "counts in a buffer": ("aggregator", "BufferCounter", "state"),
    "labels by row": ("head", "RowMemory", "batch"),
    "layers in a list": ("selector", "HiddenList", "checkpoint"),
    "loss is a number": ("head", "NumberLoss", "losses"),
    "far spans": ("aggregator", "FarSpans", "spans"),
    "always trains": ("backbone", "AlwaysTrains", "batch"),
    # Those whose blame could fall on a neighbour.
    "answer on the CPU": ("head", by_role.AnswersOnTheCPU, "device"),
    "score through numpy": ("head", by_role.ThroughNumpy, "gradients"),
    "loss of nothing": ("head", by_role.LossOfNothing, "gradients"),
    "gradient not finite": ("head", by_role.RootOfZero, "gradients"),
    "loss forgotten": ("head", by_role.LossForgotten, "losses"),
    "takes y_true": ("head", by_role.TakesAnswers, "no labels"),
    "levels by row": ("selector", by_role.LevelsByRow, "returns"),
    "full batches mixed": ("head", by_role.MixesFullBatches, "batch"),
    "leaves evaluation": ("head", by_role.LeavesEvaluation, "state"),
    "late spans": ("backbone", by_role.LateSpans, "spans"),
}
#: Those two that only loading can show are planted in files.
TAKEN = """
from adabench.models import KeepAll as Base
from adabench.registry import MODELS

@MODELS.register_module()
class KeepAll(Base):
    pass
"""

SOUND = {
    "one unit": {"aggregator": "OneUnit"},
    "no time, max": {"aggregator": "OneUnit", "head": "Strongest"},
    "several scales": {"aggregator": "TwoScales", "selector": "Scored"},
    "LSTM": {"aggregator": "Recurrent"},
    "transformer, dropout": {"aggregator": "Attention", "selector": "Scored"},
    "no maps": {"backbone": "Small"},
    "per segment": {"backbone": "Segments", "aggregator": "TwoScales"},
    "guided": {"backbone": "Guided"},
    "signals": {"backbone": "ReadsSignals"},
    "zero last layer": {"head": "ZeroLast"},
    "batch norm": {"head": "Normed"},
    "head's own selection": {"head": "Strongest"},
    "memory": {"selector": "Buckets"},
    "tensor made there": {"selector": by_role.MadeThere},
    "packed steps": {"aggregator": by_role.Packed},
}


def config(part):
    kind = getattr(planted, part) if isinstance(part, str) else part
    return kind if isinstance(kind, dict) else {"type": kind}


def light(parts):
    """Put the small backbone where none is asked."""
    return {"backbone": {"type": planted.Small}, **{k: config(v) for k, v in parts.items()}}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_at_its_part_with_a_mend(name):
    role, part, rule = FAULTS[name]
    report, _ = report_plugin(light({role: part}))
    assert report.outcome == "broken"
    named = [f for f in report.findings if f.role == role and f.rule == rule]
    assert named, "\n".join(map(str, report.findings))
    assert {f.role for f in report.findings} <= {role}
    assert all(f.mend for f in report.findings)
    if name not in ("not registered", "another role"):
        assert named[0].place
        file = Path(named[0].place.rpartition(":")[0])
        assert file in (Path(planted.__file__), Path(by_role.__file__))


def test_a_name_that_is_taken_is_told_and_not_checked_in_its_place(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TAKEN)
    with pytest.raises(ContractError, match=r"mine: .*KeepAll is already registered") as caught:
        check_plugin({"selector": {"type": "KeepAll"}}, plugins=[path])
    (finding,) = caught.value.report.findings
    assert finding.rule == "loads"
    assert finding.place.startswith(str(path))
    assert "another one" in finding.mend


def test_an_import_that_fails_is_told(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import adabench\nimport nothing_of_this_name\n")
    report, method = report_plugin({"selector": {"type": "Mine"}}, plugins=[path])
    assert method is None
    assert report.broken == ("loads",)
    assert report.findings[0].place == f"{path}:2"


def test_so_many_faults_are_planted():
    assert len(FAULTS) + 1 >= 33


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_part_of_an_odd_shape_passes(name):
    report, _ = report_plugin(light(SOUND[name]))
    assert report.outcome == "held", "\n".join(map(str, report.findings))
    assert not report.skipped


def test_every_fault_of_several_is_told():
    report, _ = report_plugin(light({"aggregator": "FarSpans", "selector": "Random"}))
    told = {(finding.role, finding.rule) for finding in report.findings}
    assert told >= {("aggregator", "spans"), ("selector", "repeats")}
