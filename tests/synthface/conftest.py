"""One small corpus and its expression clips for all tests of this folder."""

from pathlib import Path

import pytest

from adabench.synthface import (
    ExpressionParameters,
    SynthfaceParameters,
    generate,
    generate_expressions,
)


@pytest.fixture(scope="session")
def parameters() -> SynthfaceParameters:
    return SynthfaceParameters(seed=5, sessions=8, calibration=4, fps=15, seconds=(1.0, 1.3))


@pytest.fixture(scope="session")
def corpus(parameters: SynthfaceParameters, tmp_path_factory) -> Path:
    return generate(parameters, tmp_path_factory.mktemp("corpus"), progress=False)


@pytest.fixture(scope="session")
def expression_parameters() -> ExpressionParameters:
    return ExpressionParameters(seed=5, identities=8, frames=10)


@pytest.fixture(scope="session")
def expressions(expression_parameters: ExpressionParameters, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("expressions")
    return generate_expressions(expression_parameters, folder, progress=False)
