"""The readers' registry."""

from pathlib import Path

import pytest

from adabench.data.corpora import find_reader
from adabench.registry import CORPORA


@pytest.mark.parametrize(
    ("name", "kind", "licensed"),
    [
        ("avec2013", "avec2013", True),
        ("avec2014", "avec2014", True),
        ("table", "table", True),
        ("synthface", "avec2014", False),
        ("synthface2013", "avec2013", False),
        ("expressions", "expressions", False),
    ],
)
def test_readers(name, kind, licensed):
    reader = find_reader(name, labels=None, openface=None)
    assert (reader.name, reader.kind, reader.licensed) == (name, kind, licensed)
    assert reader.options == {}
    assert reader.layout


def test_every_corpus_is_tested_above():
    (mark,) = test_readers.pytestmark
    assert {case[0] for case in mark.args[1]} == set(CORPORA.module_dict)


def test_options_reach_the_reader():
    reader = find_reader("avec2014", labels=Path("x"), tasks=["Freeform"])
    assert reader.options == {"labels": Path("x"), "tasks": ["Freeform"]}
    assert find_reader("expressions", splits={"dev": "b"}).splits == {"dev": ("b",)}
    own = find_reader("table", name="mine", licensed=False)
    assert (own.name, own.licensed, own.kind) == ("mine", False, "table")


def test_unknown_reader_lists_and_suggests():
    with pytest.raises(ValueError, match="did you mean 'synthface'") as caught:
        find_reader("synthfaces")
    assert all(name in str(caught.value) for name in CORPORA.module_dict)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("avec2014", {"lables": Path("x")}, r"no option 'lables' \(did you mean 'labels'\?\)"),
        ("expressions", {"openface": Path("x")}, "no option 'openface'; there are: splits"),
        ("avec2014", {"licensed": False}, "no option 'licensed'"),
        ("table", {"name": "synthface"}, "'synthface' is another corpus: choose a name"),
        ("table", {"name": "../x"}, "name: expected letters"),
    ],
)
def test_wrong_options(name, options, told):
    with pytest.raises(ValueError, match=told):
        find_reader(name, **options)
