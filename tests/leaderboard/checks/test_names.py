"""Names that a reader takes for another one."""

import pytest
from sent_records import METHOD, send

from adabench.leaderboard.accept import RefusedError, accept
from adabench.leaderboard.checks.names import name_reasons, skeleton

ALIKE = [
    "D\u0435p-MAP",
    "dep-map",
    "Dep MAP",
    "DepMAP",
    "Dep\u2013MAP",
    "Dep\u2010MAP",
    "D\u00e9p-MAP",
    "Dep-\u041c\u0410\u0420",
    "Dep-\u039c\u0391\u03a1",
    "\uff24ep-MAP",
    "\U0001d403ep-MAP",
    "Dep-MAP.",
    "Dep_MAP",
    "D\u1ebdp-MAP",
]


@pytest.mark.parametrize("name", ALIKE)
def test_look_alikes_have_one_skeleton(name):
    assert skeleton(name) == skeleton("Dep-MAP")


@pytest.mark.parametrize(
    ("one", "other"),
    [("modern", "modem"), ("net1", "netl"), ("Net I", "net l"), ("o1", "0l"), ("vvide", "wide")],
)
def test_also_within_ascii(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize("name", ["Dep-MAP 2", "ExpADA", "Dep-MAX", "MAP-Dep", "\u6291\u90c1"])
def test_other_names_have_others(name):
    assert skeleton(name) != skeleton("Dep-MAP")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "board" / "reported").mkdir(parents=True)
    (tmp_path / "board" / "reported" / "reported.csv").write_text(
        "paper,table,row,method,track,RMSE,MAE,PCC,CCC,note\np,1,M,Dep-MAP,avec14,7.0,5.0,,,\n"
    )
    accept(send(tmp_path / "board" / "local"), tmp_path / "board")
    return tmp_path / "board"


def named(method, **changes):
    return {"seed": 1, "run": {"method": {**METHOD, "name": method}, "name": "other"}, **changes}


@pytest.mark.parametrize("name", [*ALIKE, "m\u0131ne", "M\u0456ne", "mine"])
def test_a_name_that_looks_like_one_that_stands_is_refused(root, name):
    with pytest.raises(RefusedError, match=r"looks like|mixes Latin letters") as caught:
        accept(send(root / "local", **named(name)), root)
    assert name.isascii() or name not in str(caught.value)


@pytest.mark.parametrize("name", ["Dep-MAP", "Mine", "Ours \u03b2", "\u6291\u90c1 Net", "Mine 2"])
def test_the_very_name_and_another_one_are_taken(root, name):
    assert accept(send(root / "local", **named(name)), root).is_file()


@pytest.mark.parametrize(
    "name", ["Net\u0436", "\u0416-net", "Net \u13a0", "\u0561net", "p\u0430per net"]
)
def test_scripts_that_look_like_latin_do_not_stand_beside_it(root, name):
    with pytest.raises(RefusedError, match="mixes Latin letters with"):
        accept(send(root / "local", **named(name)), root)


@pytest.mark.parametrize("name", ["constant", "Shuffled Labels", "bound: oracle", "B\u00f3und: x"])
def test_a_method_has_no_controls_name(make_record, name):
    # The schema keeps the first for the control itself; a copy shows that the rule does not need it.
    record = make_record().model_copy(update={"method": name})
    assert any("is the name of a control or a bound" in each for each in name_reasons(record, []))


@pytest.mark.parametrize(
    ("field", "value"),
    [("protocol", "\u043efficial"), ("protocol", "\u03bffficial"), ("config", "d\u0435pmap_r18")],
)
def test_protocols_and_configs_are_looked_at_too(make_record, field, value):
    stands = make_record(config="depmap_r18")
    record = make_record(config="mine").model_copy(update={field: value})
    assert any(each.startswith(field) for each in name_reasons(record, [stands]))


def test_configs_may_differ_in_punctuation(make_record):
    stands = make_record(config="r18_full/1")
    assert list(name_reasons(make_record(config="r18-full/l"), [stands])) == []
