"""Finding the corpus behind a run; a generated one is made on first use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from adabench.config.experiment import Data, Experiment
from adabench.config.fields.faces import Faces
from adabench.config.fields.generated import expression_parameters, synthface_parameters
from adabench.config.preparations import drawn_of, other_faces
from adabench.data.files import remove_folder
from adabench.data.locks import alone_at_once, alone_in, shared_in
from adabench.data.prepare import prepare
from adabench.data.prepared import PreparedCorpus, read_description
from adabench.data.tracks import CACHES, CORPUS_FILE, Track, corpus_folder
from adabench.engine.files.timings import CostBook
from adabench.evaluation.scale import BDI_II, DRAWN_SCORE, Scale
from adabench.synthface import generate, generate_expressions

# Under the data folder: what corpora took to make.
MADE = "made"
# The reader of generated corpora, and what their folders begin with.
DRAWN = "synthface"


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
    return _made(
        root,
        _drawn_name(data),
        data,
        DRAWN,
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
        return DRAWN_SCORE
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
    out = root / _folder_name(name, data)
    finished = out / CORPUS_FILE
    if not finished.is_file():
        with alone_in(root / MADE / out.name):
            if not finished.is_file():
                raw = root / "raw" / name
                with CostBook(root / MADE / f"{out.name}.json") as book, book.time("corpus"):
                    make(raw)
                    prepare(reader, raw, out, size=data.size, processes=data.processes, **faces)
    return PreparedCorpus.open(out)


def _folder_name(name: str, data: Data) -> str:
    """Return the name of a generated corpus's folder: with how its faces are found and cut."""
    faces = data.faces or Faces()
    return f"{name}-{data.size}px-{faces.detector}-{faces.cut}"


def cache_root(corpus: PreparedCorpus, root: Path) -> Path:
    """Return the folder of a corpus's caches: in its own if it was drawn below ``root``, so that they go
    with it; else ``root``."""
    is_drawn = corpus.parameters is not None and corpus.root.parent == root
    return corpus.root / CACHES if is_drawn else root


@contextmanager
def reading(experiment: Experiment) -> Iterator[None]:
    """Keep the generated corpora of a run, and their caches, from being removed meanwhile."""
    with ExitStack() as stack:
        for data in drawn_of(experiment):
            stack.enter_context(shared_in(_readers(data)))
        yield


def remove_drawn(data: Data) -> list[Path]:
    """Remove a generated corpus with its caches and its videos; what is needed again is made again.

    Args:
        data: what it is opened by.

    Returns:
        The folders that were removed.

    Raises:
        FolderInUseError: a run reads it.
        OSError: a folder can't be removed.
    """
    root, name = Path(data.root), _drawn_name(data)
    folders = [root / _folder_name(name, data), root / "raw" / name]
    with alone_at_once(_readers(data), "wait until it has ended"):
        return [folder for folder in folders if remove_folder(folder)]


def _drawn_name(data: Data) -> str:
    return f"{DRAWN}-{synthface_parameters(data.synthface).digest()}"


def _readers(data: Data) -> Path:
    """Return where the runs that read a generated corpus sign."""
    return Path(data.root) / MADE / _drawn_name(data) / "readers"


def seconds_to_make(corpus: PreparedCorpus) -> float:
    """Return what generating and preparing a corpus took; 0 for one that was not generated here."""
    return CostBook(corpus.root.parent / MADE / f"{corpus.root.name}.json").total(["corpus"])
