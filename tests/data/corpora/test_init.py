"""The readers' registry."""

import pytest

from adabench.data.corpora import CORPORA, find_reader


@pytest.mark.parametrize(
    ("name", "kind", "licensed"),
    [
        ("avec2014", "avec2014", True),
        ("synthface", "avec2014", False),
        ("expressions", "expressions", False),
    ],
)
def test_readers(name, kind, licensed):
    reader = find_reader(name)
    assert (reader.name, reader.kind, reader.licensed) == (name, kind, licensed)


def test_unknown_reader_lists_and_suggests():
    with pytest.raises(ValueError, match="did you mean 'synthface'") as caught:
        find_reader("synthfaces")
    assert all(name in str(caught.value) for name in CORPORA)
