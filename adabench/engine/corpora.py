"""Finding the corpus behind a run; a generated one is made on first use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adabench.config.experiment import Data
from adabench.config.generated import expression_parameters, synthface_parameters
from adabench.config.preparations import other_faces
from adabench.data.corpora import find_reader
from adabench.data.locks import alone_in
from adabench.data.prepare import prepare
from adabench.data.prepared import PreparedCorpus, read_description
from adabench.data.tracks import CORPUS_FILE, Track, corpus_folder
from adabench.engine.timings import CostBook
from adabench.evaluation.scale import BDI_II, Scale
from adabench.synthface import generate, generate_expressions

# Under the data folder: what corpora took to make.
MADE = "made"


def ensure_corpus(track: Track, data: Data) -> PreparedCorpus:
    """Open the track's corpus; generate and prepare it first where it is synthface.

    Raises:
        FileNotFoundError: a real corpus that is not prepared, with the command that prepares it.
        ValueError: a corpus prepared at another size, or with other faces.
    """
    root = Path(data.root)
    if not track.is_demo:
        return _prepared(root, track.corpus, data)
    parameters = synthface_parameters(data.synthface)
    name = f"synthface-{parameters.digest()}"
    return _made(
        root,
        name,
        data,
        "synthface",
        lambda raw: generate(parameters, raw, processes=data.processes),
    )


def _prepared(root: Path, name: str, data: Data) -> PreparedCorpus:
    """Open ``<name>-<size>px``, so that methods that see other sizes can stand beside it, or ``<name>``."""
    size = data.size
    folder = corpus_folder(root, name, size)
    corpus = PreparedCorpus.open(folder)
    if corpus.size != size:
        sized = root / f"{name}-{size}px"
        raise ValueError(
            f"corpus {folder} holds faces of {corpus.size} px, the config asks for "
            f"data.size={size}; prepare it with --size {size} --out {sized} as well, or set "
            f"data.size={corpus.size}"
        )
    problem = other_faces(folder, corpus.description.prepare, data)
    if problem is not None:
        raise ValueError(f"corpus {problem}")
    return corpus


def track_scale(track: Track, data: Data) -> Scale:
    """Return the scale of a track's corpus, without opening it; of one that is not there, the BDI-II."""
    if track.is_demo:
        return BDI_II
    folder = corpus_folder(data.root, track.corpus, data.size)
    return read_description(folder)[0].scale if (folder / CORPUS_FILE).is_file() else BDI_II


def ensure_expressions(section: dict[str, Any], data: Data) -> PreparedCorpus:
    """Open the expression clips of a pretraining stage; generate and prepare them first if missing."""
    parameters = expression_parameters(section)
    name = f"expressions-{parameters.digest()}"
    return _made(
        Path(data.root),
        name,
        data,
        "expressions",
        lambda raw: generate_expressions(parameters, raw, processes=data.processes),
    )


def _made(root: Path, name: str, data: Data, reader: str, make: Any) -> PreparedCorpus:
    faces = {} if data.faces is None else data.faces.model_dump()
    own = faces in ({}, find_reader(reader).faces)
    out = root / "-".join([name, f"{data.size}px", *([] if own else faces.values())])
    finished = out / CORPUS_FILE
    if not finished.is_file():
        with alone_in(root / MADE / out.name):
            if not finished.is_file():
                raw = root / "raw" / name
                with CostBook(root / MADE / f"{out.name}.json") as book, book.time("corpus"):
                    make(raw)
                    prepare(reader, raw, out, size=data.size, processes=data.processes, **faces)
    return PreparedCorpus.open(out)


def seconds_to_make(corpus: PreparedCorpus) -> float:
    """Return what generating and preparing a corpus took; 0 for one that was not generated here."""
    return CostBook(corpus.root.parent / MADE / f"{corpus.root.name}.json").total(["corpus"])
