"""Records and corpora that several rooms' tests are about."""

import pytest
from record_fixtures import (
    licensed,
    licensed_corpus,
    make_record,
    sound,
    with_side_folder,
)

from adabench.records import Metrics, Reported

__all__ = ["licensed", "licensed_corpus", "make_record", "sound", "with_side_folder"]


@pytest.fixture
def printed(make_record):
    """Builds a row that a paper reports of a licensed corpus."""

    def build(paper, method, **changes):
        return make_record(
            origin=Reported(paper=paper, table="1", row=method),
            method=method,
            config=method,
            track="avec14",
            licensed=True,
            predictions=[],
            intervals={},
            seed=None,
            metrics=Metrics(RMSE=7.0, MAE=5.0),
            **changes,
        )

    return build
