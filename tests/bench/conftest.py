"""Records and corpora that several rooms' tests are about."""

from record_fixtures import (
    licensed,
    licensed_corpus,
    make_record,
    sound,
    with_side_folder,
)

__all__ = ["licensed", "licensed_corpus", "make_record", "sound", "with_side_folder"]
