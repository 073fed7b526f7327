"""A small generated corpus and its copies in every layout, for all tests of this folder."""

from __future__ import annotations

import pytest

from adabench.synthface import SynthfaceParameters, generate
from adabench.synthface.writing.layouts import (
    write_avec2013,
    write_openface,
    write_renamed,
    write_table,
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The tiny preset in AVEC 2014's layout."""
    return generate(SynthfaceParameters.tiny(3), tmp_path_factory.mktemp("tiny"), progress=False)


@pytest.fixture(scope="session")
def copies(tiny, tmp_path_factory):
    """The same sessions in the other layouts, by name."""
    folder = tmp_path_factory.mktemp("copies")
    return {
        "avec2013": write_avec2013(tiny, folder / "avec2013"),
        "renamed": write_renamed(tiny, folder / "renamed"),
        "table": write_table(tiny, folder / "table"),
        "openface": write_openface(tiny, folder / "openface", image="jpg"),
        "openface2013": write_openface(
            tiny, folder / "openface2013", layout="avec2013", image="png"
        ),
    }
