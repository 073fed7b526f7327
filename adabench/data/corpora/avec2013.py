"""AVEC 2013's layout: one video and one BDI-II label a session."""

from __future__ import annotations

from pathlib import Path

from adabench.data.corpora.avec import AvecReader, FileNames
from adabench.registry import CORPORA


@CORPORA.register_module("avec2013")
class Avec2013Reader(AvecReader):
    """Reads ``SPLIT/NNN_M_cut_combined*.mp4`` and ``NNN_M_Depression.csv`` anywhere below.

    NNN is the person and M that person's session, which is the clip's name too; there are no
    tasks. Names match in whatever case; videos may stand in folders of any depth in a split's
    folder. Arguments and errors as ``AvecReader``.
    """

    name = kind = "avec2013"
    usual_names = "NNN_M_cut_combined*.mp4"
    usual_pattern = r"(?P<subject>\d+)_(?P<session>\d+)_cut_combined.*"
    deep = True

    def __init__(
        self,
        *,
        splits: FileNames | None = None,
        video_pattern: str | None = None,
        label_pattern: str | None = None,
        labels: Path | None = None,
        openface: Path | None = None,
        openface_tables: Path | None = None,
    ) -> None:
        super().__init__(
            splits=splits,
            tasks={"": (".",)},
            video_pattern=video_pattern,
            label_pattern=label_pattern,
            labels=labels,
            openface=openface,
            openface_tables=openface_tables,
        )
