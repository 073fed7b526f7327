"""Expression clips for pretraining: no BDI-II scores, but signals for every frame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adabench.data.corpora.base import (
    RECORD,
    CorpusReader,
    Problem,
    Scan,
    SourceClip,
    check_found,
    check_root,
    read_record,
    sorted_scan,
    unique,
)
from adabench.data.corpora.folders import is_video, subfolders
from adabench.data.corpora.layout import split_aliases
from adabench.registry import CORPORA

SPLIT_FOLDERS = {"train": ("train", "Training"), "dev": ("dev", "Development")}

_NAME = re.compile(r"(\d+)_expression")


@CORPORA.register_module("expressions")
class ExpressionsReader(CorpusReader):
    """Reads ``{train,dev}/NNNN_expression.mp4`` and ``labels/NNNN_expression.csv``.

    Each clip counts as a person of its own.

    Args:
        splits: our name of a split -> the names that its folder may have.
    """

    name = kind = "expressions"
    licensed = False
    labels = "labels"

    def __init__(self, *, splits: Mapping[str, str | Sequence[str]] = SPLIT_FOLDERS) -> None:
        self.splits = split_aliases(splits)
        self._options = {} if splits is SPLIT_FOLDERS else {"splits": splits}

    @property
    def options(self) -> Mapping[str, Any]:
        """See :attr:`adabench.data.corpora.base.CorpusReader.options`."""
        return self._options

    @property
    def layout(self) -> str:
        """The expected layout, for messages."""
        splits = ",".join("|".join(names) for names in self.splits.values())
        return f"{{{splits}}}/NNNN_expression.mp4 and {self.labels}/NNNN_expression.csv"

    def scan(self, src: Path) -> Scan:
        """See :meth:`adabench.data.corpora.base.CorpusReader.scan`.

        A clip without its signals is left out, with a problem.
        """
        src = Path(src)
        check_root(src, self.layout)
        problems: list[Problem] = []
        found = list(self._videos(src, problems))
        check_found(found, src, self.layout)
        clips, duplicates = unique(found)
        problems += duplicates
        complete = []
        for clip in clips:
            if clip.signals is not None and clip.signals.is_file():
                complete.append(clip)
            else:
                detail = f"no file {self.labels}/{clip.clip}.csv in {src}"
                problems.append(Problem(clip.clip, detail, "no_label"))
        names = {clip.clip for clip in found}
        for path in sorted((src / self.labels).glob("*_expression.csv")):
            if path.stem not in names:
                problems.append(Problem(path.name, "a label without a video", "no_video"))
        return sorted_scan(complete, problems)

    def parameters(self, src: Path) -> dict[str, Any] | None:
        """See :meth:`adabench.data.corpora.base.CorpusReader.parameters`."""
        return read_record(Path(src), RECORD)

    def _videos(self, src: Path, problems: list[Problem]) -> Iterator[SourceClip]:
        for split, names in self.splits.items():
            for folder in subfolders(src, names):
                for path in sorted(folder.iterdir()):
                    if not is_video(path.name):
                        continue
                    match = _NAME.fullmatch(path.stem)
                    if match is None:
                        name = path.relative_to(src).as_posix()
                        detail = "the file name is not NNNN_expression: rename or remove it"
                        problems.append(Problem(name, detail, "bad_name"))
                        continue
                    yield SourceClip(
                        clip=path.stem,
                        subject=match[1],
                        session=match[1],
                        task="",
                        split=split,
                        video=path,
                        signals=src / self.labels / f"{path.stem}.csv",
                        root=src,
                    )
