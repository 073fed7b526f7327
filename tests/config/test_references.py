"""References between stages."""

import pytest

from adabench.config.references import in_order, needed

CHAIN = {
    "last": {"weights": ["stage:middle", "stage:first"]},
    "middle": {"weights": {"deep": ("stage:first",)}},
    "first": {"steps": 1},
}


def test_stages_stand_after_those_they_refer_to():
    assert in_order(CHAIN) == ["first", "middle", "last"]
    assert in_order({}) == []
    assert set(in_order({"a": {}, "b": {}})) == {"a", "b"}


def test_what_a_config_needs_of_them():
    assert needed({"weights": "stage:last"}, CHAIN) == {"last", "middle", "first"}
    assert needed([{"weights": "stage:middle"}], CHAIN) == {"middle", "first"}
    assert needed({"weights": "timm"}, CHAIN) == set()
    assert needed("stage:gone", CHAIN) == {"gone"}
    assert needed("stage:a", {"a": "stage:b", "b": "stage:a"}) == {"a", "b"}


def test_a_reference_between_stages_that_leads_nowhere_is_told():
    with pytest.raises(
        ValueError,
        match=r"'stage:frist' names a stage .* \(in stages\.last\); its stages: last, first",
    ):
        in_order({"last": {"weights": "stage:frist"}, "first": {}})


@pytest.mark.parametrize(
    "loop",
    [
        {"a": {"weights": "stage:a"}},
        {"a": {"weights": "stage:b"}, "b": {"weights": "stage:c"}, "c": {"weights": "stage:a"}},
    ],
)
def test_stages_that_wait_for_each_other_are_refused(loop):
    with pytest.raises(ValueError, match=r"stages wait for each other: .*a"):
        in_order(loop)
