"""What runs share and one of them has to make: corpus, stages, caches. Imports no torch.

A preparation's key groups runs that can wait for one making. It need not be the key under which
the result is stored: a run makes whatever it does not find.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adabench.config.digest import digest
from adabench.config.experiment import Data, Experiment
from adabench.config.fields.estimators import ESTIMATOR
from adabench.config.fields.protocols import CrossCorpusSection, source_track
from adabench.config.references import in_order, needed, referenced, seeded
from adabench.data.tracks import CORPUS_FILE, Track, corpus_folder

CORPUS, FEATURES = "corpus", "features"


class Preparation(NamedTuple):
    """One thing to be made.

    Attributes:
        until: ``corpus``, the name of a stage, or ``features``: what ``--prepare`` takes.
        key: equal where one making serves several runs.
        alike: equal where two makings would wait for, or repeat, the same work.
    """

    until: str
    key: str
    alike: str


def corpus_problem(experiment: Experiment) -> str | None:
    """Return what is to be done where a corpus behind a run is not prepared; None if all are.

    A generated corpus is made on first use.
    """
    source = source_track(experiment.protocol)
    for track in (experiment.track_, *([] if source is None else [source])):
        problem = _not_prepared(track, experiment.data)
        if problem is not None:
            return problem
    return None


def _not_prepared(track: Track, data: Data) -> str | None:
    if track.is_demo:
        return None
    folder = corpus_folder(data.root, track.corpus, data.size)
    sized = folder.with_name(f"{track.corpus}-{data.size}px")
    ask = f"run `python tools/prepare.py {track.reader} --src RAW --out {sized} --size {data.size}`"
    if not (folder / CORPUS_FILE).is_file():
        return f"no prepared corpus in {folder}; {ask}, or add --demo for the generated one"
    made = _made(folder / CORPUS_FILE)
    if made.get("size", data.size) != data.size:
        return f"{folder} holds faces of {made['size']} px, and {data.size} are asked for; {ask}"
    return other_faces(folder, made, data)


def other_faces(folder: Path, made: Mapping[str, Any], data: Data) -> str | None:
    """Return what is to be done where a prepared corpus has other faces than are asked for; or None.

    Args:
        folder: of the corpus.
        made: its settings of preparing; empty where they aren't known.
        data: what is asked for.
    """
    found = data.faces.differing(made) if data.faces is not None and made else None
    if data.faces is None or found is None:
        return None
    return (
        f"{folder} holds {found}, and data.faces asks for detector={data.faces.detector!r}, "
        f"cut={data.faces.cut!r}; leave data.faces out, or prepare the corpus with "
        f"{data.faces.options} in another folder OTHER ('--out OTHER/{folder.name}') and set "
        "data.root=OTHER"
    )


def _made(description: Path) -> dict[str, Any]:
    """Return a corpus's settings; none where the file is damaged, which opening it tells."""
    try:
        return dict(json.loads(description.read_bytes())["prepare"])
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def drawn_of(experiment: Experiment) -> Iterator[Data]:
    """Yield what a run's generated corpora are opened by: the tested one's, and its source's."""
    if experiment.track_.is_demo:
        yield experiment.corpora
    track, source = source_track(experiment.protocol), source_data(experiment)
    if track is not None and source is not None and track.is_demo:
        yield source


def source_data(experiment: Experiment) -> Data | None:
    """Return what the corpus that a cross-corpus run learns from is opened by; None for other runs."""
    section = experiment.protocol
    if not isinstance(section, CrossCorpusSection):
        return None
    data = experiment.corpora
    return data.model_copy(update={"synthface": {**data.synthface, **section.synthface}})


def preparations(experiment: Experiment) -> tuple[Preparation, ...]:
    """Return what a run has to find or to make before it trains, in order.

    A run that joins others (a model per task, folds) needs what they need, and has nothing of its
    own; a method that is no network needs the corpora only.
    """
    if experiment.is_fused or experiment.is_pooled:
        return ()
    found: list[Preparation] = []
    if experiment.track_.is_demo:
        source = source_track(experiment.protocol)
        key = digest([CORPUS, _data(experiment), *([] if source is None else _apart(experiment))])
        found.append(Preparation(CORPUS, key, key))
    reader, stages = _reader(experiment)
    if reader is None:
        return tuple(found)
    trained = list(_stages(experiment, stages))
    if experiment.views is None or not experiment.cache:
        return (*found, *trained)
    keys = {stage.until: stage.key for stage in trained}
    return (*found, *trained, _features(experiment, reader, stages, keys))


def _stages(experiment: Experiment, stages: Mapping[str, Any]) -> Iterator[Preparation]:
    """Yield the stages of a run, each after those that it stands on."""
    undrawn = experiment.data.model_dump(
        mode="json", exclude={"root": True, "processes": True, "synthface": {"draw"}}
    )
    drawn = [] if experiment.draw is None else [experiment.draw]
    protocol = experiment.protocol.model_dump(mode="json")
    configs = seeded(experiment.stages, experiment.seed, experiment.draw)
    keys: dict[str, str] = {}
    for name in in_order(stages):
        cfg = configs[name]
        earlier = [keys[other] for other in sorted(referenced(cfg))]
        alike = digest([cfg, earlier, undrawn, *_code(experiment, cfg)])
        keys[name] = digest([alike, *drawn, experiment.track_.name, protocol])
        yield Preparation(name, keys[name], alike)


def _features(
    experiment: Experiment, reader: str, stages: Mapping[str, Any], keys: Mapping[str, str]
) -> Preparation:
    """Return what is cached of a run's frozen parts.

    Args:
        experiment: with views.
        reader: the part of its method that reads clips.
        stages: that it makes, name → config.
        keys: of these stages.
    """
    assert experiment.views is not None
    beside = [each for each in (experiment.semantics, experiment.signals) if each is not None]
    behind = sorted(needed([experiment.method, *beside], stages))
    made = [keys[name] for name in behind]
    shared = [FEATURES, made, _data(experiment), experiment.track_.name, *_apart(experiment)]
    views = experiment.views.model_dump(mode="json")
    own = [experiment.method.get(reader), experiment.semantics, views]
    own += [] if experiment.signals is None else [experiment.signals]
    own += _code(experiment, *own)
    return Preparation(FEATURES, digest([*shared, *own]), digest(shared))


def _data(experiment: Experiment) -> dict[str, Any]:
    """Return which corpus is read, wherever it lies."""
    return experiment.corpora.model_dump(mode="json", exclude={"root", "processes"})


def _apart(experiment: Experiment) -> list[Any]:
    """Return a protocol that deals sessions anew; splits need nothing else than any run does."""
    protocol = experiment.protocol.model_dump(mode="json")
    # The keys of splits are those of before.
    return [protocol] if "kind" in protocol else []


def _reader(experiment: Experiment) -> tuple[str | None, dict[str, Any]]:
    """Return which part of a method reads clips, and the stages that its run makes.

    A network's are all that its config has, an estimator's those that its extractor stands on; an
    estimator without an extractor reads no clip.
    """
    kind = experiment.method.get("type", "Assessor")
    if kind == "Assessor":
        return "backbone", experiment.stages
    if kind != ESTIMATOR or experiment.method.get("extractor") is None:
        return None, {}
    behind = needed([experiment.method, experiment.signals], experiment.stages)
    return "extractor", {k: cfg for k, cfg in experiment.stages.items() if k in behind}


def _code(experiment: Experiment, *configs: Any) -> list[dict[str, str]]:
    """Return the code of parts from outside the repository in some sections; nothing where none is."""
    found = experiment.code_within(*configs)
    return [found] if found else []
