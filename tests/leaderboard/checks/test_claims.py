"""What a record says of itself follows from the config that lies beside it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from record_fixtures import OF_DRAW, constant
from sent_records import METHOD, drawn, experiment, predicted, send, sent

from adabench.leaderboard.acceptance.accept import RefusedError, accept
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.checks.claims import (
    bound_name,
    claim_reasons,
    experiment_beside,
    experiment_in,
    unshuffled_hash,
)
from adabench.records import Flags, write_record
from adabench.records.checks.content import constant_reasons, content_reasons
from adabench.records.files.side_files import digests


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


def reasons_of(record, files):
    encoded = {name: text.encode() for name, text in files.items()}
    return list(claim_reasons(record, experiment_in(encoded)))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"track": "demo-freeform"},
        {"fusion": "fused"},
        {"paper_compat": True},
        {"overrides": ("training.epochs=1",)},
        {"protocol": {"kind": "folds", "k": 3}},
    ],
)
def test_a_record_that_its_config_makes_holds(config):
    fused = {"fusion": config.get("fusion", "none" if "track" in config else "joint")}
    assert reasons_of(*sent(run=config, **fused)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("config_hash", "x"),
        ("config_hash", "0" * 16),
        ("method", "Theirs"),
        ("config", "theirs"),
        ("overrides", ["training.epochs=1"]),
        ("track", "demo-freeform"),
        ("seed", 7),
        ("draw", 4),
        ("fusion", "fused"),
        ("kind", "control"),
    ],
)
def test_what_its_config_does_not_give_is_refused(root, field, value):
    path = send(root / "local", run={"seed": 0}, **{field: value})
    with pytest.raises(RefusedError, match=rf"{field} is .*, but its config gives") as caught:
        accept(path, root)
    assert len(caught.value.reasons) <= 2
    assert any(field in problem.reason for problem in verify(root).problems)


UNTOLD = dict.fromkeys(OF_DRAW)
OLDER = {"preset": "tiny", "seed": 3}
DEALT = {"trunk": {"type": "ExpressionPretrain", "seed": "draw"}}


@pytest.mark.parametrize(
    ("run", "names_draws"),
    [
        ({"data": {"synthface": OLDER}}, False),
        ({"data": {"synthface": {**OLDER, "draw": 0}}}, True),
        ({"data": {"synthface": {**OLDER, "world": "sparse"}}}, True),
        ({"data": {"synthface": OLDER}, "stages": DEALT}, True),
    ],
)
def test_a_config_that_names_draws_is_of_no_record_from_before_them(run, names_draws):
    told = reasons_of(*sent(run=run, written_in=3, **UNTOLD))
    assert [reason.startswith("written_in is 3") for reason in told] == [True] * names_draws


@pytest.mark.parametrize("field", OF_DRAW)
def test_a_record_of_today_that_leaves_out_its_draw_is_refused(root, field):
    with pytest.raises(RefusedError, match=f"{field} is missing.* run again") as caught:
        accept(send(root / "local", **{field: None}), root)
    assert len(caught.value.reasons) == 1


@pytest.mark.parametrize("flag", ["demo", "paper_compat"])
def test_flags_follow_too(root, flag):
    flags = Flags(demo=True).model_copy(update={flag: flag != "demo"})
    with pytest.raises(RefusedError, match=rf"flags\.{flag} is"):
        accept(send(root / "local", flags=flags), root)


def test_what_it_starts_from_follows_where_it_is_told(root):
    told, forged = (Flags(demo=True, starts_from=start) for start in ("nothing", "drawn faces"))
    accept(send(root / "local", flags=told), root)
    with pytest.raises(RefusedError, match=r"flags\.starts_from is 'drawn faces', but its config"):
        accept(send(root / "local", flags=forged), root)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        "",
        "{",
        "[" * 100_000,
        "\x00",
        '{"name": "mine", "method": {"name": "Mine"}, "track": "of nobody"}',
        '{"name": "mine", "method": {"name": "Mine"}, "track": "demo", "more": 1}',
        '{"name": "mine", "method": {"name": "Mi\\u202ene"}, "track": "demo"}',
        # A file of whoever accepts it would be read, and its digest published.
        '{"name": "mine", "method": {"name": "Mine", "head": ["/etc/passwd"]}, "track": "demo"}',
    ],
    ids=range(11),
)
def test_a_config_that_is_none_is_refused(root, text):
    files = {"config.json": text}
    record, _ = sent()
    with pytest.raises(ValueError, match=r"config\.json is no config that this adabench reads"):
        experiment_in({"config.json": text.encode("utf-8")})
    path = send(root / "local", files=files, provenance=digests(files))
    with pytest.raises(RefusedError, match="is no config") as caught:
        accept(path, root)
    assert str(caught.value).isprintable()
    # An accepted one may be of an older adabench, so `verify` can't call it a fault.
    assert verify(root).holds
    assert experiment_beside(path, record) is None


def test_a_config_beside_is_read_where_it_holds(root):
    path = send(root / "local")
    record, _ = sent()
    assert experiment_beside(path, record) == experiment()
    assert experiment_beside(None, record) is None
    (path.with_suffix(".provenance") / "config.json").write_text("{}")
    assert experiment_beside(path, record) is None
    assert experiment_in({"environment.txt": b""}) is None


def test_shuffled_labels_name_the_config_that_they_shuffle():
    shuffled = experiment(shuffle_labels=True)
    assert shuffled.hash() != experiment().hash()
    assert unshuffled_hash(shuffled) == experiment().hash()
    record = {"kind": "control", "method": "shuffled labels"}
    assert reasons_of(*sent(run={"shuffle_labels": True}, **record)) == []
    assert reasons_of(*sent(**record))[0].startswith("kind is 'control'")


FOREIGN = {"unit": "mine", "kind": "folder", "sha256": "a" * 64, "clean": False}


@pytest.mark.parametrize(
    ("told", "config", "clean", "reason"),
    [
        ({}, {"Mine": "a" * 64}, False, "does not name the same code of 'Mine'"),
        ({"Mine": FOREIGN}, {}, False, "does not name the same code of 'Mine'"),
        ({"Mine": FOREIGN}, {"Mine": "b" * 64}, False, "does not name the same code of 'Mine'"),
        ({"Mine": FOREIGN}, {"Mine": "a" * 64}, True, "the code of 'Mine' is in no commit"),
        ({"Mine": FOREIGN}, {"Mine": "a" * 64}, False, ""),
    ],
)
def test_the_code_of_foreign_parts_follows_too(told, config, clean, reason):
    record, files = sent(run={"code": config}, code=told, clean_tree=clean)
    reasons = reasons_of(record, files)
    assert [reason in each for each in reasons] == ([True] if reason else [])


def test_a_control_has_a_controls_name(root):
    record, _ = sent(kind="control", method="Super", provenance={})
    with pytest.raises(RefusedError, match="method 'Super' is no control"):
        accept(write_record(record, root / "local"), root, allow_dirty=True)


def of_constant(guess):
    config = {"name": "constant", "method": {"name": "constant", "type": "EstimatorMethod"}}
    values = predicted(drawn(), guess)
    return {"run": config, "kind": "control", "method": "constant", **values}


def test_a_constant_is_the_mean_of_the_training_scores():
    fine = of_constant([17.0] * 8)
    assert reasons_of(*sent(**fine)) == []
    assert list(content_reasons(sent(**fine)[0])) == []
    fine["run"] = {
        "method": {
            "name": "constant",
            "type": "EstimatorMethod",
            "estimator": {"type": "DummyRegressor"},
        }
    }
    assert reasons_of(*sent(**fine)) == []
    for method in (
        {**METHOD, "name": "constant"},
        {"name": "constant", "backbone": {"type": "TimmFrames"}},
        {
            "name": "constant",
            "type": "EstimatorMethod",
            "estimator": {"type": "DummyRegressor", "x": 1},
        },
    ):
        told = reasons_of(*sent(**{**fine, "run": {"name": "mine", "method": method}}))
        assert told == [
            "its method is 'constant', but its config is not that of the constant predictor"
        ]


@pytest.mark.parametrize(
    ("guess", "protocol", "fusion", "most"),
    [
        ([17.0] * 7 + [17.1], "official", "joint", 1),
        ([float(session.score) for session in drawn()], "official", "joint", 1),
        ([1.0, 2.0] * 4, "3 folds, validation 0, seed 0, 01234567, fold 1", "joint", 1),
        ([1.0, 2.0, 3.0, 4.0] * 2, "3 folds, validation 0, seed 0, 01234567", "joint", 3),
        ([1.0, 2.0, 3.0, 4.0] * 2, "official", "fused", 3),
    ],
)
def test_a_constant_has_one_value_a_fold(root, guess, protocol, fusion, most):
    content = {**of_constant(guess), "protocol": protocol, "fusion": fusion, "intervals": {}}
    record, _ = sent(**content)
    (reason,) = constant_reasons(record)
    assert reason.endswith(f"values, of which it can have {most}")
    assert list(constant_reasons(sent(**{**content, **predicted(drawn(), guess[:1] * 8)})[0])) == []
    with pytest.raises(RefusedError, match="of which it can have"):
        accept(send(root / "local", **content), root)


def test_rounding_makes_no_second_value():
    record = constant(17.3)
    first, *others = record.predictions
    near = first.model_copy(update={"prediction": 17.3 + 1e-12})
    assert list(constant_reasons(record.model_copy(update={"predictions": [near, *others]}))) == []


def test_bounds_are_told_by_their_whole_method():
    whole = {"name": "bound: oracle", "type": "GeneratorBound", "bound": "oracle"}
    assert bound_name(whole) == "oracle"
    for other in (
        {**whole, "name": "mine"},
        {**whole, "type": "Mine"},
        {**whole, "more": 1},
        METHOD,
    ):
        assert bound_name(other) is None


@pytest.mark.parametrize("days", [2, 400, 365 * 7000])
def test_a_record_is_not_of_the_future(root, days):
    created = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")
    with pytest.raises(RefusedError, match="which is yet to come"):
        accept(send(root / "local", created=created), root)


@pytest.mark.parametrize("created", ["0001-01-01T00:00:00+14:00", "2026-01-02T03:04:05+23:59"])
def test_an_odd_time_ends_nothing(root, created):
    accepted = accept(send(root / "local", created=created), root)
    assert verify(root).holds
    assert json.loads(accepted.read_text())["created"] == created


def test_one_session_under_two_spellings_is_refused(root):
    content = predicted(drawn(), [1.0, 2.0] * 4)
    first, second, *others = content["predictions"]
    wide = "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in second.session)
    content["predictions"] = [first.model_copy(update={"session": wide}), second, *others]
    record, _ = sent(**content)
    assert any("under two spellings" in reason for reason in content_reasons(record))
