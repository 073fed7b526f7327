"""Which file sets a field."""

import pytest

from adabench.config.reading.origin import Origin, field_in


@pytest.fixture
def origin(tmp_path):
    """A config over a base, with a suite's row and an option."""
    (tmp_path / "base.py").write_text(
        "method = dict(name='a', head=dict(type='Wide', hidden=3, dropout=0.1))\n"
        "demo = dict(method=dict(head=dict(hidden=4)))\n"
    )
    path = tmp_path / "mine.py"
    path.write_text("_base_ = 'base.py'\nmethod = dict(head=dict(dropout=0.2))\n")
    change = {"method": {"head": {"bias": True}}}
    return Origin(path, True, change, tmp_path / "rows.py", ("method.head.loss",))


@pytest.mark.parametrize(
    ("field", "file"),
    [
        ("method.head.hidden", "base.py"),
        ("method.head.dropout", "mine.py"),
        ("method.head.bias", "rows.py"),
        ("method.head.loss", "mine.py"),
        ("method.head", "mine.py"),
        ("method.tail", "mine.py"),
    ],
)
def test_a_field_is_of_the_file_that_sets_it(origin, field, file):
    assert origin.file_of(field).name == file
    assert origin.named(f"{field}: expected a").endswith(f"{file}: {field}: expected a")


def test_an_argument_is_left_of_another_part(origin):
    told = origin.left_of("method.head", "hidden", "Narrow")
    assert "base.py sets it for the Wide that stood there. To put Narrow in its place" in told
    assert told.endswith("--cfg-options method.head._delete_=True method.head.type=Narrow")
    assert origin.left_of("method.head", "hidden", "Wide") == ""
    assert origin.left_of("method.head", "loss", "Narrow") == ""


def test_a_part_that_a_file_replaces_is_told_where_it_stands(origin):
    origin.path.write_text("_base_ = 'base.py'\nmethod = dict(head=dict(type='Narrow'))\n")
    told = origin.left_of("method.head", "hidden", "Narrow")
    assert told.endswith(f"write _delete_=True beside type='Narrow' in {origin.path}")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("training.epochs: expected above 0", "training.epochs"),
        ("views.augment[0].flip: expected a number", "views.augment[0].flip"),
        ("seed: expected a whole number", "seed"),
        ("training.amp=True is for CUDA", "training.amp"),
        ("training diverged; lower training.optimiser.lr", ""),
        ("training.py: seed: expected a whole number", ""),
        ("data/faces is damaged", ""),
        ("no space left", ""),
    ],
)
def test_the_field_that_a_message_begins_with(text, field):
    assert field_in(text) == field
