"""The curve beside a record: whether it may lie there, is one, and is of that run."""

import pytest
from record_fixtures import as_licensed
from sent_records import METHOD, send, sent

from adabench.leaderboard.acceptance.accept import RefusedError, accept
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks.curve import curve_reasons
from adabench.records import Metrics
from adabench.records.files.side_files import CURVE, side_folder
from adabench.records.schema.sections import Selection

TEXT = """epoch,rate,train/loss,val/RMSE,val/MAE,seconds
1,0.1,3.0,9.5,8.0,1.0
2,0.1,2.0,7.5,6.0,1.0
3,0.1,1.5,8.5,,1.0
"""
SELECTION = Selection(
    metrics=Metrics(RMSE=7.5, MAE=6.0, PCC=0.5, CCC=0.5), epoch=2, epochs=3, looks=3
)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def with_curve(text=TEXT):
    return {**sent()[1], CURVE: text}


def reasons_of(text, **changes):
    record, files = sent(files=with_curve(text), **{"selection": SELECTION, **changes})
    return list(curve_reasons(record, {name: t.encode() for name, t in files.items()}))


def test_a_record_is_accepted_with_its_curve_or_without(root):
    own = {"selection": SELECTION}
    kept = accept(send(root / "local", files=with_curve(), **own), root)
    assert (side_folder(kept) / CURVE).read_text() == TEXT
    bare = accept(send(root / "local", seed=1, run={"method": {**METHOD}}), root)
    assert not (side_folder(bare) / CURVE).exists()
    assert verify(root).holds


def test_one_that_was_changed_is_refused_and_does_not_hold(root):
    path = send(root / "local", files=with_curve(), selection=SELECTION)
    (side_folder(path) / CURVE).write_text(TEXT.replace("7.5", "6.5"))
    (problem,) = verify(root).problems
    assert f"{CURVE} was changed after the record was written" in str(problem)
    with pytest.raises(RefusedError, match=f"{CURVE} was changed"):
        accept(path, root)


def test_none_may_lie_beside_a_licensed_corpus_s_record(make_record):
    record = as_licensed(make_record(), provenance={CURVE: "0" * 64})
    # Whether the file itself is there or not.
    for beside in ({CURVE: TEXT.encode()}, {}):
        (reason,) = curve_reasons(record, beside)
        assert "is licensed" in reason
        assert "pass the file on to nobody" in reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("epoch,rate\n1,abc\n", "no curve that adabench keeps: damaged at line 2"),
        ("epoch\ninf\n", "no curve that adabench keeps: damaged at line 2"),
        ("rate\n0.1\n", "no epoch"),
        ("", "has no rising epochs from 1 on"),
        ("epoch\n2\n1\n", "has no rising epochs from 1 on"),
        ("epoch\n0\n1\n", "has no rising epochs from 1 on"),
        (TEXT.replace("rate", "patients"), "has a column 'patients'"),
        (TEXT.replace("3,0.1", "4,0.1"), "ends with epoch 4, but 3 were trained"),
        (TEXT.replace("7.5", "7.4"), "val/RMSE 7.4 at epoch 2, the record selection.metrics.RMSE"),
        (TEXT.replace("9.5", ""), "was validated 2 times, the record tells of 3 looks"),
        (TEXT.replace("8.5", "7.25"), "has the lowest val/RMSE at epoch 3, but epoch 2 was tested"),
        (f"epoch,{'x' * 200_000}\n1,2\n", "no curve that adabench keeps"),
    ],
)
def test_what_is_no_curve_of_that_run_is_told(text, told):
    (reason,) = reasons_of(text)
    assert told in reason


def test_one_that_was_begun_anew_lacks_the_epochs_before():
    assert reasons_of("epoch,val/RMSE\n3,8.5\n") == []
    assert reasons_of(TEXT, selection=None) == []
