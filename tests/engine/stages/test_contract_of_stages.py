"""What was found of a stage's method stays with its result, and reaches the record of each run on it."""

import json

import pytest
from broken_selectors import BreaksOnceTrained, DrawsInForward

from adabench.engine.contract import with_stages
from adabench.engine.data.rundata import open_data
from adabench.engine.stages import stage
from adabench.engine.stages.stage import REPORT
from adabench.engine.workbench import ensure_run_stages
from adabench.records.schema.sections import Contract
from adabench.testing import ContractError

CONFIG = "expada_avec14_freeform.py"


pytestmark = pytest.mark.usefixtures("broken_selectors")


def run_with(tiny, kind):
    name = f"stages.encoder.method.selector.type={kind.__name__}"
    return tiny.experiment(name, "stages.encoder.training.epochs=1", config=CONFIG)


def test_a_broken_stage_is_refused_where_it_is_found_too(tiny):
    run = run_with(tiny, DrawsInForward)
    data = open_data(run)
    with pytest.raises(ValueError, match="stage 'encoder' failed: DrawsInForward: weight changes"):
        ensure_run_stages(run, data)
    made = ensure_run_stages(run, data, allow_broken=True)["encoder"]
    assert made.contract.outcome == "broken"
    assert "repeats by DrawsInForward" in made.contract.reasons[0]
    assert ensure_run_stages(run, data, allow_broken=True)["encoder"] == made
    with pytest.raises(ContractError, match=r"(?s)'encoder'.*when it was made.*--allow-broken"):
        ensure_run_stages(run, data)


def test_a_stage_is_asked_once_it_is_trained(tiny):
    run = run_with(tiny, BreaksOnceTrained)
    with pytest.raises(ValueError, match="BreaksOnceTrained: weights of a clip don't sum to 1"):
        ensure_run_stages(run, open_data(run))


def test_the_record_tells_of_its_stages(tiny, tiny_encoder):
    contract = tiny_encoder.record.contract
    assert contract.outcome == "held"
    own, encoder = contract.reasons
    assert own.startswith("held")
    assert encoder.startswith("stage encoder: held")


def test_a_stage_that_trains_no_method_says_nothing(tiny):
    run = tiny.experiment()
    (trunk,) = ensure_run_stages(run, open_data(run)).values()
    assert trunk.contract is None
    assert "contract" not in json.loads(trunk.path.with_name(REPORT).read_text())


def test_an_old_result_is_not_known_and_the_worst_counts(tiny, tiny_encoder, monkeypatch):
    run = tiny.experiment(config=CONFIG)
    read = stage._read_report
    monkeypatch.setattr(stage, "_read_report", lambda path: {**read(path), "contract": None})
    found = ensure_run_stages(run, open_data(run))
    held = Contract(outcome="held", reasons=["held, 19 checks"], seconds=2.0)
    told = with_stages(held, {name: each.contract for name, each in found.items()})
    assert (told.outcome, told.seconds) == ("not checked", 2.0)
    assert told.reasons == ["held, 19 checks", "stage encoder: it was made before this was kept"]
    assert with_stages(held, {"trunk": found["trunk"].contract}) == held
