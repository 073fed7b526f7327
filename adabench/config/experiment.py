"""What a run is: its fields, what must hold of them, and the hash by which its results are found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from adabench.config.digest import digest
from adabench.config.fields.estimators import ESTIMATOR, refuse_what_networks_have
from adabench.config.fields.faces import Faces
from adabench.config.fields.protocols import (
    AnyProtocolSection,
    FoldsSection,
    ProtocolSection,
    source_track,
)
from adabench.config.fields.training import Strict, Training
from adabench.config.local_files import by_content
from adabench.config.types import check_types
from adabench.data.plain import check_name, check_remark
from adabench.data.tracks import Track, get_track, task_tracks
from adabench.hints import quoted
from adabench.plugins.annotations import misfit
from adabench.plugins.fingerprints import code_of
from adabench.plugins.signatures import raised_versions
from adabench.registry import types_in

#: What puts intervals around the predictions of every run whose corpus keeps sessions for it.
SPLIT_CONFORMAL: tuple[dict[str, Any], ...] = ({"type": "SplitConformal"},)


class Data(Strict):
    """Where the data is.

    Attributes:
        root: folder of prepared corpora, stages and caches.
        size: width and height of the prepared face crops, pixels.
        synthface: preset and seed of the generated corpus, for tracks that run on it. A ``draw``
            pins which of the draws from that seed on it is; without one, it follows the run's seed.
        faces: how faces are found and cut; for None generated ones as ``tools/prepare.py`` does
            unless told otherwise, and recorded ones as their corpus was prepared. Absent from hashes then.
    """

    root: str = "data"
    size: int = Field(default=112, ge=16)
    synthface: dict[str, Any] = Field(default_factory=lambda: {"preset": "demo", "seed": 0})
    processes: int = Field(default=2, gt=0, le=1024)
    faces: Faces | None = None

    @model_serializer(mode="wrap")
    def _without_empty(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialise(self)
        if content.get("faces") is None:
            content.pop("faces", None)
        return content

    @field_validator("synthface")
    @classmethod
    def _numbered(cls, synthface: dict[str, Any]) -> dict[str, Any]:
        draw = synthface.get("draw", 0)
        if isinstance(draw, bool) or not isinstance(draw, int) or draw < 0:
            raise ValueError(f"draw: expected a number from 0 on; got {draw!r}")
        # `--cfg-options` reads the name of that world as nothing.
        nowhere = "world" in synthface and synthface["world"] is None
        return {**synthface, "world": "none"} if nowhere else synthface


class Views(Strict):
    """Which frames are seen.

    Attributes:
        train, test: view configs.
        select: the view of the validation that selects the checkpoint; ``test`` by default.
        augment: changes the frames of a training view; a list of several does so in its order.
        variants: how many versions of a training clip the feature cache holds, the plain one and
            augmented ones; of no effect where frames are read.
    """

    train: dict[str, Any]
    test: dict[str, Any]
    select: dict[str, Any] | None = None
    augment: dict[str, Any] | list[dict[str, Any]] | None = None
    variants: int = Field(default=4, gt=0)


class Experiment(Strict):
    """One run, resolved. A config file's top-level names are exactly these fields and ``demo``.

    Attributes:
        name: of the config file.
        method: the method's ``name`` and its parts (or ``type='EstimatorMethod'``).
        track: which leaderboard table it is for.
        fusion: how a session's tasks become one score, on a track with several: ``joint`` is one
            model on all of them and the mean of its scores, ``fused`` the mean over a model a task.
        views: which frames are seen.
        training: the schedule; an EstimatorMethod has none.
        data: corpus folders.
        stages: trained beforehand, found by hash; ``'stage:NAME'`` elsewhere is their checkpoint. One
            set to None is left out, so that a row can do without a stage of its base.
        semantics: the encoder behind a backbone that reads semantics.
        signals: the source of what a backbone or an extractor reads as signals; absent from the hash
            where there is none.
        protocol: who is trained on, selected on and tested; `adabench.config.fields.protocols` tells of it.
        paper_compat: the config takes choices of the authors' code that their paper does not make;
            the record is flagged.
        shuffle_labels: deal the training labels out anew among sessions: a control, which must not be
            better than the constant predictor.
        cache: keep a frozen part's output, and read it instead of frames.
        hooks: mmengine's, or a plugin's of the registry ``HOOKS``, that run in the method's training
            beside adabench's own; in no stage's. Part of the hash, and absent from it where there is
            none.
        seed: of the run.
        is_demo: whether the demo section was merged.
        overrides: ``--cfg-options`` as given, local folders left out, local files by content.
        metrics: numbers beside the usual four, computed of the predictions: names or configs of
            `SessionMetric`s. They decide no result, so no hash holds them.
        intervals: calibrators, names or configs, that put intervals around the predictions where the
            corpus keeps sessions for it; split conformal ones by default. No hash holds them either.
        code: type → sha256 of each part from outside the repository, as whoever read the config had
            loaded it; part of the hash, and absent from a stored config where there is none.
        versions: type → ``version`` of each part of the repository that computes something else than
            at first, as `code`.
    """

    name: str
    method: dict[str, Any]
    track: str
    fusion: Literal["joint", "fused"] = "joint"
    views: Views | None = None
    training: Training | None = None
    data: Data = Data()
    stages: dict[str, dict[str, Any]] = Field(default_factory=dict)
    semantics: dict[str, Any] | None = None
    signals: dict[str, Any] | None = None
    protocol: AnyProtocolSection = ProtocolSection()
    paper_compat: bool = False
    shuffle_labels: bool = False
    cache: bool = True
    hooks: tuple[dict[str, Any], ...] = ()
    seed: int = Field(default=0, ge=0)
    is_demo: bool = False
    overrides: tuple[str, ...] = ()
    metrics: tuple[dict[str, Any], ...] = ()
    intervals: tuple[dict[str, Any], ...] = SPLIT_CONFORMAL
    code: dict[str, str] = Field(default_factory=dict)
    versions: dict[str, int] = Field(default_factory=dict)

    @field_validator("metrics", "intervals", mode="before")
    @classmethod
    def _named(cls, parts: Any) -> Any:
        if not isinstance(parts, list | tuple):
            raise ValueError("expected a list of names, or of dicts with a 'type'")
        return tuple({"type": one} if isinstance(one, str) else one for one in parts)

    @field_validator("stages", mode="before")
    @classmethod
    def _without_none(cls, stages: Any) -> Any:
        if not isinstance(stages, dict):
            return stages
        return {name: stage for name, stage in stages.items() if stage is not None}

    @model_validator(mode="after")
    def _names(self) -> Experiment:
        check_types(
            {
                **self.sections(),
                "metrics": list(self.metrics),
                "intervals": list(self.intervals),
            }
        )
        name = self.method.get("name")
        if name is None:
            raise ValueError("method.name is missing: the name that the leaderboard shows")
        if not isinstance(name, str):
            raise ValueError(f"method.name: {misfit(name, str)}{quoted('method.name', name)}")
        if self.method.get("type") == ESTIMATOR:
            refuse_what_networks_have(
                hooks=self.hooks,
                training=self.training,
                semantics=self.semantics,
                stages=self.stages,
            )
        if self.hooks and self.training is None:
            raise ValueError("hooks run in training, and this config has no training section")
        # A record refuses other names, which would be told after training.
        for field, text in (("method.name", name), ("name", self.name)):
            _told_of(field, check_name, text)
        for option in self.overrides:
            _told_of("--cfg-options", check_remark, option)
        get_track(self.track)
        return self

    @model_serializer(mode="wrap")
    def _without_empty(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = serialise(self)
        # Fields that came later are absent where they say nothing.
        for name in ("code", "hooks", "metrics", "signals", "versions"):
            if not content.get(name):
                content.pop(name, None)
        if self.intervals == SPLIT_CONFORMAL:
            content.pop("intervals", None)
        return content

    def sections(self) -> dict[str, Any]:
        """Return the sections in which parts are named, by name."""
        return {
            "method": self.method,
            "views": None if self.views is None else self.views.model_dump(),
            "training": None if self.training is None else self.training.model_dump(),
            "data": self.data.model_dump(),
            "stages": self.stages,
            "semantics": self.semantics,
            "signals": self.signals,
            "protocol": self.protocol.model_dump(),
            "hooks": self.hooks,
        }

    def with_code(self) -> Experiment:
        """Return the run with the code of its parts as it is now: fingerprints and versions."""
        sections = self.sections()
        raised = raised_versions()
        named = {name for _, name in types_in(sections)} if raised else set()
        versions = {name: raised[name] for name in sorted(named & raised.keys())}
        return self.model_copy(update={"code": code_of(sections), "versions": versions})

    def code_within(self, *configs: Any) -> dict[str, str]:
        """Return the part of `code` that is about the types named in some of its sections."""
        named = {name for _, name in types_in(list(configs))} if self.code else set()
        return {name: sha256 for name, sha256 in self.code.items() if name in named}

    @property
    def track_(self) -> Track:
        """The track's data."""
        return get_track(self.track)

    @property
    def draw(self) -> int | None:
        """Which draw of a generated corpus is read, the run's seed unless it is pinned; else None."""
        source = source_track(self.protocol)
        if not self.track_.is_demo and (source is None or not source.is_demo):
            return None
        return int(self.data.synthface.get("draw", self.seed))

    @property
    def corpora(self) -> Data:
        """`data` with the draw named: what corpora are opened by."""
        if self.draw is None:
            return self.data
        drawn = {**self.data.synthface, "draw": self.draw}
        return self.data.model_copy(update={"synthface": drawn})

    @property
    def is_fused(self) -> bool:
        """Whether this is a model per task, which a track with one task can't be."""
        return self.fusion == "fused" and len(self.track_.tasks) > 1

    @property
    def is_pooled(self) -> bool:
        """Whether this is all folds of a protocol together."""
        return isinstance(self.protocol, FoldsSection) and self.protocol.fold is None

    @property
    def is_fold(self) -> bool:
        """Whether this is one of several folds."""
        return isinstance(self.protocol, FoldsSection) and self.protocol.fold is not None

    def members(self) -> tuple[Experiment, ...]:
        """Return the runs whose predictions this one joins: one a task where it is fused, or a fold.

        A fused run over folds joins a run a task, each of which joins its folds.
        """
        if self.is_fused:
            return tuple(
                self.model_copy(update={"name": f"{self.name}_{task.lower()}", "track": track.name})
                for task, track in task_tracks(self.track_).items()
            )
        if not isinstance(self.protocol, FoldsSection):
            return ()
        return tuple(
            self.model_copy(update={"name": f"{self.name}_fold{fold.fold}", "protocol": fold})
            for fold in self.protocol.each()
        )

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the result, seed and draw apart; local files by content.

        Of `code` and `versions` it is what this run names.
        """
        sections = self.sections()
        named = {name for _, name in types_in(sections)} if self.versions else set()
        decided = {
            "fusion": "fused" if self.is_fused else "joint",
            "code": self.code_within(sections),
            "versions": {name: v for name, v in self.versions.items() if name in named},
            "stages": {name: _unlogged(stage) for name, stage in self.stages.items()},
        }
        content = self.model_copy(update=decided).model_dump(
            mode="json",
            exclude={
                "seed": True,
                "overrides": True,
                "name": True,
                "metrics": True,
                "intervals": True,
                "data": {"root": True, "processes": True, "synthface": {"draw"}},
                "training": {"workers", "log"},
                # A field that came later: absent where it changes nothing, so that older hashes hold.
                **({} if self.shuffle_labels else {"shuffle_labels": True}),
            },
        )
        return by_content(content)

    def hash(self) -> str:
        """Hash of `settings`."""
        return digest(self.settings())

    def told(self) -> dict[str, Any]:
        """Return all fields as others may see them: local files by content, the usual data folder."""
        content = by_content(self.model_dump(mode="json", by_alias=True))
        return {**content, "data": {**content["data"], "root": Data().root}}


def _unlogged(stage: dict[str, Any]) -> dict[str, Any]:
    """Return a stage's config without where its training is logged, which decides no result."""
    training = stage.get("training")
    if not isinstance(training, Mapping) or "log" not in training:
        return stage
    return {**stage, "training": {k: v for k, v in training.items() if k != "log"}}


def _told_of(field: str, check: Callable[[str], str], text: str) -> None:
    try:
        check(text)
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error


def turn_name(seed: int, draw: int | None) -> str:
    """Return the name of a run's folder among those of its config: its seed, and a pinned draw."""
    return f"seed{seed}" + ("" if draw in (None, seed) else f"-draw{draw}")
