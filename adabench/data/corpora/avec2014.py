"""AVEC 2014's layout: two tasks a session, one BDI-II label a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from adabench.data.corpora.avec import AvecReader, FileNames
from adabench.data.corpora.layout import task_folders
from adabench.registry import CORPORA

TASKS = ("Freeform", "Northwind")


@CORPORA.register_module("avec2014")
class Avec2014Reader(AvecReader):
    """Reads ``SPLIT/TASK/NNN_M_TASK_video.mp4`` and ``NNN_M_Depression.csv`` anywhere below.

    NNN is the person and M that person's session. Names match in whatever case; the videos of all
    tasks may stand in the split's folder itself. Arguments and errors as ``AvecReader``; ``tasks``
    may be a list, for folders of the tasks' names.
    """

    name = kind = "avec2014"
    usual_pattern = r"(?P<subject>\d+)_(?P<session>\d+)_(?P<task>[^_]+)_video"

    def __init__(
        self,
        *,
        splits: FileNames | None = None,
        tasks: Sequence[str] | Mapping[str, str | Sequence[str]] = TASKS,
        video_pattern: str | None = None,
        label_pattern: str | None = None,
        labels: Path | None = None,
        openface: Path | None = None,
        openface_tables: Path | None = None,
    ) -> None:
        super().__init__(
            splits=splits,
            tasks=task_folders(tasks),
            video_pattern=video_pattern,
            label_pattern=label_pattern,
            labels=labels,
            openface=openface,
            openface_tables=openface_tables,
        )
        self.usual_names = f"NNN_M_{{{','.join(self.tasks)}}}_video.mp4"
        if tasks is not TASKS:
            self._options["tasks"] = tasks
