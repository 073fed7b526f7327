"""A failed job remembers why."""

from adabench.bench.failures import FAILED, earlier_failure, forget_failure, remember_failure


def test_a_failure_is_remembered_until_it_is_forgotten(tmp_path):
    assert earlier_failure(tmp_path) == ""
    remember_failure(tmp_path, "loss is not finite")
    assert earlier_failure(tmp_path).startswith("loss is not finite (on 2")
    forget_failure(tmp_path)
    assert earlier_failure(tmp_path) == ""
    forget_failure(tmp_path)


def test_a_damaged_note_is_none(tmp_path):
    for text in ("{", "[]", "{}"):
        (tmp_path / FAILED).write_text(text)
        assert earlier_failure(tmp_path) == ""
