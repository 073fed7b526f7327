"""A run of a control that reads no face: where it beats the constant, a shortcut tells the score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from adabench.data.manifest import ClipRecord
from adabench.data.nuisance import face_sizes, nuisance_numbers
from adabench.data.prepared import PreparedCorpus
from adabench.data.sealed import session_labels
from adabench.engine.data.rundata import RunData
from adabench.engine.kinds.method_run import MethodRun
from adabench.engine.metric import average
from adabench.engine.recording.reporting import Facts
from adabench.evaluation.controls import NUISANCE, PERSONS
from adabench.evaluation.sign_flips import against_constant
from adabench.models import EstimatorMethod
from adabench.records.schema.sections import AgainstConstant
from adabench.structures import ViewId

#: One score for each clip of a corpus.
Predictor = Callable[[PreparedCorpus, Sequence[ClipRecord]], Sequence[float]]

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-1, 4, 11))
FOLDS = 5


class FacelessRun(MethodRun):
    """One of `adabench.evaluation.controls.FACELESS`, fitted on the training clips alone."""

    predictor: Predictor

    def fit(self) -> None:
        """Fit it."""
        self.predictor = _FITTED[self.experiment.method["name"]](self.data)

    def predict(self) -> dict[str, float]:
        """Return session → points."""
        return self._sessions(self.data.corpus, self.data.parts.test)

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """What it reads, and whether it beats the constant on development and test sessions."""
        parts = self.data.parts
        source = parts.source or self.data.corpus
        found = {"test": self._against(self.data.corpus, parts.test, labels)}
        if parts.validate:
            known = session_labels(parts.validate)
            found["dev"] = self._against(source, parts.validate, known)
        return Facts(
            kind="control",
            notes=(_TOLD[self.experiment.method["name"]],),
            against_constant=found,
        )

    def _sessions(self, corpus: PreparedCorpus, clips: Sequence[ClipRecord]) -> dict[str, float]:
        """Return session → the mean over its clips."""
        scores = self.predictor(corpus, clips)
        ids = [ViewId(c.clip, c.session, c.subject, c.task) for c in clips]
        return average(list(zip(ids, map(float, scores), strict=True)))[1]

    def _against(
        self, corpus: PreparedCorpus, clips: Sequence[ClipRecord], labels: Mapping[str, float]
    ) -> AgainstConstant:
        predictions = self._sessions(corpus, clips)
        subjects = {clip.session: clip.subject for clip in clips}
        sessions = sorted(labels)
        return AgainstConstant.model_validate(
            against_constant(
                [predictions[session] for session in sessions],
                [labels[session] for session in sessions],
                [subjects[session] for session in sessions],
                constant=_train_mean(self.data),
            )
        )


def _scored(data: RunData) -> list[ClipRecord]:
    return [clip for clip in data.parts.train if clip.score is not None]


def _train_mean(data: RunData) -> float:
    """The mean over training sessions, as every session weighs the same."""
    return fmean(session_labels(_scored(data)).values())


def _fit_nuisance(data: RunData) -> Predictor:
    """Ridge regression on `nuisance_numbers`; its penalty is chosen over the training persons."""

    def rows(corpus: PreparedCorpus, clips: Sequence[ClipRecord]) -> np.ndarray:
        sizes = face_sizes(corpus)
        return np.stack([nuisance_numbers(corpus, c, sizes.get(c.clip, 0.0)) for c in clips])

    clips = _scored(data)
    persons = [clip.subject for clip in clips]
    if len(set(persons)) < 2:
        mean = _train_mean(data)
        return lambda _, asked: [mean] * len(asked)
    method = EstimatorMethod(
        estimator=[{"type": "StandardScaler"}, {"type": "Ridge"}],
        search={"grid": {"ridge__alpha": list(ALPHAS)}, "folds": min(FOLDS, len(set(persons)))},
    )
    features = rows(data.parts.source or data.corpus, clips)
    scores = session_labels(clips)
    method.fit(features, [scores[clip.session] for clip in clips], persons)
    return lambda corpus, asked: method.predict(rows(corpus, asked)).tolist()


def _fit_persons(data: RunData) -> Predictor:
    """The mean training score of the same person, or of all."""
    clips, mean = _scored(data), _train_mean(data)
    subjects = {clip.session: clip.subject for clip in clips}
    known: dict[str, list[float]] = {}
    for session, score in session_labels(clips).items():
        known.setdefault(subjects[session], []).append(score)
    means = {subject: fmean(scores) for subject, scores in known.items()}
    return lambda _, asked: [means.get(clip.subject, mean) for clip in asked]


_FITTED: dict[str, Callable[[RunData], Predictor]] = {
    NUISANCE: _fit_nuisance,
    PERSONS: _fit_persons,
}
_TOLD = {
    NUISANCE: "reads length, light, border and tracking of a clip, and no face",
    PERSONS: "reads who is recorded, and no clip",
}
