"""Names that a reader takes for another one."""

import pytest
from sent_records import METHOD, send

from adabench.leaderboard.acceptance.accept import RefusedError, accept
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
        "paper,table,row,method,track,RMSE,MAE,PCC,CCC,scored,note\n"
        "p,1,M,Dep-MAP,avec14,7.0,5.0,,,not printed,\n"
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


def test_it_is_held_against_names_of_other_tracks_too(root):
    path = send(root / "local", **named("M-ine"))
    other = send(
        root / "local",
        **named("M-ine", run={"method": {**METHOD, "name": "M-ine"}, "track": "demo-freeform"}),
    )
    for each in (path, other):
        with pytest.raises(RefusedError, match="looks like 'Mine', which stands in the tables"):
            accept(each, root)


@pytest.mark.parametrize("name", ["Dep-MAP", "Mine", "Ours \u03b2", "\u6291\u90c1 Net", "Mine 2"])
def test_the_very_name_and_another_one_are_taken(root, name):
    assert accept(send(root / "local", **named(name)), root).is_file()


@pytest.mark.parametrize(
    "name", ["Net\u0436", "\u0416-net", "Net \u13a0", "\u0561net", "p\u0430per net"]
)
def test_scripts_that_look_like_latin_do_not_stand_beside_it(root, name):
    with pytest.raises(RefusedError, match="mixes Latin letters with"):
        accept(send(root / "local", **named(name)), root)


STRANGE = {
    "Lisu capitals": "\ua4d3\ua4f0\ua4d1-\ua4df\ua4ee\ua4d1",
    "Cherokee": "\u13a0\u13ac-\u13b7\u13aa\u13e2",
    "Cyrillic alone": "\u041c\u0430\u0440",
    "small capitals": "\u1d05\u1d07\u1d18-\u1d0d\u1d00\u1d18",
    "a click": "Mode\u01c0",
    "a hook": "\u0256ep-MAP",
    "Coptic": "\u2c9f\u2ca3",
    "runes": "\u16d2\u16d6",
    "squared letters": "\U0001f173ep-MAP",
    "a flag's letter": "\U0001f1e9ep-MAP",
    "a bar of mathematics": "Mode\u2223",
    "a sentence's end in Hindi": "Mode\u0964",
    "a digit of Bengali": "n\u09e6",
    "a stroke of Chinese": "Mode\u4e28",
    "a zero of Chinese": "N\u3007",
    "struck out": "Best\u0336",
    "the tables' own mark": "\u2248 Ours",
}


@pytest.mark.parametrize("kind", STRANGE)
def test_signs_that_could_be_taken_for_others_are_refused(make_record, kind):
    reasons = list(name_reasons(make_record(method=STRANGE[kind]), []))
    assert any("look alike" in each or "can be taken for others" in each for each in reasons)
    assert all(each.isascii() for each in reasons)


@pytest.mark.parametrize("name", ["Dep-M\u1f08P", "D\u00ebp-M\u0386\u03a1"])
def test_marks_hide_no_greek_look_alike(name):
    assert skeleton(name) == skeleton("Dep-MAP")


@pytest.mark.parametrize(
    "name",
    [
        "S\u00f8rensen\u2019s Net",
        "Gro\u00dfmann \u2013 \u0141",
        "\u03b2-VAE 3\u00d73",
        "\u03b1\u03b2Net\u00b2",
        "\u6291\u90c1 Net",
        "\u30c7\u30d7",
        "\uc6b0\uc6b8 2",
        'It\'s "new" (v2.1) @ 64px',
    ],
)
def test_plain_names_are_taken(make_record, name):
    assert list(name_reasons(make_record(method=name), [make_record()])) == []


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
