"""A run stops before training at a method that breaks the contract, and its record says what held."""

import broken_selectors
import pytest
import torch
from broken_selectors import BreaksOnceTrained, DrawsInForward

from adabench.engine import workbench
from adabench.engine.contract import worst_contract
from adabench.engine.files import checkpoints
from adabench.engine.run import train
from adabench.records.schema.sections import Contract
from adabench.testing import ContractError

pytestmark = pytest.mark.usefixtures("broken_selectors")


def with_selector(tiny, kind):
    selector = ("method.selector._delete_=True", f"method.selector.type={kind.__name__}")
    return tiny.experiment(*selector, "training.epochs=1")


def test_a_record_says_that_the_contract_was_held(tiny):
    contract = tiny.outcome.record.contract
    assert contract.outcome == "held"
    assert contract.seconds > 0


def test_a_broken_method_is_not_trained(tiny, tmp_path):
    places = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    with pytest.raises(ContractError, match=r"(?s)DrawsInForward: .*--allow-broken") as caught:
        train(with_selector(tiny, DrawsInForward), **places)
    (finding,) = (f for f in caught.value.report.findings if f.rule == "repeats")
    assert finding.role == "selector"
    assert finding.place.rpartition(":")[0] == broken_selectors.__file__
    assert not (tmp_path / "work" / checkpoints.LAST).exists()
    assert not (tmp_path / "work" / "record.json").exists()


def test_it_is_when_that_is_allowed_and_the_record_says_so(tiny, tmp_path):
    places = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    outcome = train(with_selector(tiny, DrawsInForward), allow_broken=True, **places)
    contract = outcome.record.contract
    assert contract.outcome == "broken"
    assert "broken: repeats by DrawsInForward" in contract.reasons[0]


def test_what_training_broke_is_not_tested(tiny, tmp_path):
    places = {"work_dir": tmp_path / "work", "results": tmp_path / "results"}
    with pytest.raises(ContractError, match="BreaksOnceTrained: weights of a clip don't sum to 1"):
        train(with_selector(tiny, BreaksOnceTrained), **places)
    assert (tmp_path / "work" / checkpoints.BEST).exists()
    assert not (tmp_path / "work" / "record.json").exists()


def test_the_contract_changes_no_weight_and_no_random_number(tiny):
    bench = tiny.bench()
    before = {key: value.clone() for key, value in bench.assessor.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert bench.contract().outcome == "held"
    assert bench.contract(trained=True).outcome == "held"
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(v, before[k]) for k, v in bench.assessor.state_dict().items())


def test_what_is_dear_is_asked_on_the_first_batch_of_training(tiny, monkeypatch):
    monkeypatch.setattr("adabench.engine.contract._LIMIT", -1.0)
    asked = []
    held_first = workbench.hold_first
    monkeypatch.setattr(
        workbench,
        "hold_first",
        lambda *given: asked.append(given[1]["ids"]) or held_first(*given),
    )
    bench = tiny.bench()
    report = bench.contract()
    assert (report.outcome, report.deferred, report.skipped) == ("held", False, {})
    first = next(iter(bench.loader("train")))
    assert asked == [first["ids"]]
    trained = bench.contract(trained=True)
    assert (trained.outcome, trained.deferred) == ("held", False)


def test_joined_records_take_the_worst(tiny):
    record = tiny.outcome.record
    broken = Contract(outcome="broken", reasons=["batch by Mine"])
    told = record.model_copy(update={"contract": broken})
    assert worst_contract([record, told]) == broken
    assert worst_contract([record, record]) == record.contract
    assert worst_contract([record, record.model_copy(update={"contract": None})]) is None
