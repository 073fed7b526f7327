"""A small config on disk, and the tiny runs that several rooms' tests share."""

import pytest
from config_texts import CONFIG, DEMO
from tiny_runs import tiny, tiny_encoder

__all__ = ["path", "tiny", "tiny_encoder", "write"]


@pytest.fixture
def write(tmp_path):
    def write(text, name="mine.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def path(write):
    return write(CONFIG + DEMO)
