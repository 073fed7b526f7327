"""A run of a method that is no network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adabench.data.sealed import session_labels
from adabench.engine.contract import refuse
from adabench.engine.kinds.method_run import MethodRun
from adabench.engine.reporting import Facts, contract_told, flags_of
from adabench.evaluation.controls import CONSTANT
from adabench.models.estimator import EstimatorMethod
from adabench.registry import MODELS
from adabench.testing import ContractReport, check_estimator


class EstimatorRun(MethodRun):
    """An `EstimatorMethod`, fitted on the training sessions."""

    method: EstimatorMethod
    contract: ContractReport

    def fit(self) -> None:
        """Build it and fit it."""
        config = {k: v for k, v in self.experiment.method.items() if k != "name"}
        self.method = MODELS.build(config)
        labels = session_labels(self.data.parts.train)
        with self.timings("training"):
            self.method.fit(None, np.array([labels[s] for s in sorted(labels)]))

    def predict(self) -> dict[str, float]:
        """Return session → points of the estimator, which is held to the contract first.

        Raises:
            ContractError: it breaks the contract, with every finding.
        """
        sessions = sorted({clip.session for clip in self.data.parts.test})
        asked = session_labels(self.data.parts.validate or self.data.parts.train)
        self.contract = check_estimator(self.method, len(asked))
        refuse(self.contract, allow_broken=self.place.allow_broken)
        return dict(zip(sessions, self.method.predict(len(sessions)).tolist(), strict=True))

    def facts(self, labels: Mapping[str, float]) -> Facts:
        """Its time, and whether it is the control that every method is held against."""
        del labels
        kind = "control" if self.experiment.method["name"] == CONSTANT else None
        return Facts(
            kind=kind,
            timing=self.timings.seconds,
            flags=flags_of(self.experiment),
            contract=contract_told(self.contract),
        )
