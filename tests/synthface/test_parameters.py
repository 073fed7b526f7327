import pytest
from pydantic import ValidationError

from adabench.synthface import Behaviour, ExpressionParameters, SynthfaceParameters
from adabench.synthface.parameters import random_generator


@pytest.mark.parametrize(
    "values",
    [
        {"seed": -1},
        {"seed": 1, "sessions": 3},
        {"seed": 1, "sessions": (50, 50)},
        {"seed": 1, "seconds": (8.0, 6.0)},
        {"seed": 1, "seconds": (0.2, 6.0)},
        {"seed": 1, "fps": 0},
        {"seed": 1, "behaviour": {"key_share": (0.4, 0.1)}},
        {"seed": 1, "behaviour": {"key_share": (0.4, 0.95)}},
        {"seed": 1, "behaviour": {"masking": (0.1, 1.5)}},
        {"seed": 1, "unknown": 2},
        {"seed": 1, "world": "dense"},
        {"seed": 1, "shortcut": "shirt"},
        {"seed": 1, "calibration": -1},
    ],
)
def test_wrong_corpus_parameters_are_refused(values):
    with pytest.raises(ValidationError):
        SynthfaceParameters.model_validate(values)


@pytest.mark.parametrize(
    "values", [{"seed": 1, "motion": "jumps"}, {"seed": 1, "identities": 1}, {"seed": 1, "x": 0}]
)
def test_wrong_expression_parameters_are_refused(values):
    with pytest.raises(ValidationError):
        ExpressionParameters.model_validate(values)


def test_parameters_are_frozen():
    with pytest.raises(ValidationError):
        SynthfaceParameters.demo(1).seed = 2


def test_the_demo_has_the_stated_size():
    demo = SynthfaceParameters.demo(1)
    assert demo.split_sessions() == {"train": 50, "dev": 50, "test": 50}
    assert (demo.fps, demo.seconds) == (10, (18.0, 22.0))


def test_the_shortcuts_that_can_t_be_planted_are_refused():
    with pytest.raises(ValidationError, match="new_persons and every_level"):
        SynthfaceParameters(seed=1, shortcut="person", new_persons=True)
    with pytest.raises(ValidationError, match="several durations"):
        SynthfaceParameters(seed=1, shortcut="length", seconds=(2.0, 2.0))


def test_a_family_is_everything_but_chance():
    one = SynthfaceParameters.tables(3107)
    assert one.model_copy(update={"draw": 4}).family() == one.family()
    assert SynthfaceParameters.tables(5).family() == one.family()
    assert one.model_copy(update={"world": "none"}).family() != one.family()
    assert SynthfaceParameters.demo(3107).family() != one.family()


def test_every_value_changes_the_digest():
    variants = [
        SynthfaceParameters(seed=1),
        SynthfaceParameters(seed=2),
        SynthfaceParameters(seed=1, fps=30),
        SynthfaceParameters(seed=1, world="diffuse"),
        SynthfaceParameters(seed=1, shortcut="light"),
        SynthfaceParameters(seed=1, new_persons=True),
        SynthfaceParameters(seed=1, every_level=True),
        SynthfaceParameters(seed=1, calibration=4),
        SynthfaceParameters(seed=1, sessions=(50, 50, 49)),
        SynthfaceParameters(seed=1, seconds=(6.0, 8.5)),
        SynthfaceParameters(seed=1, behaviour=Behaviour(resting_sd=0.06)),
        ExpressionParameters(seed=1),
        ExpressionParameters(seed=1, motion="smooth"),
    ]
    assert len({variant.digest() for variant in variants}) == len(variants)


def test_the_digest_survives_a_round_trip():
    parameters = SynthfaceParameters(seed=1, sessions=(8, 4, 6))
    again = SynthfaceParameters.model_validate_json(parameters.model_dump_json())
    assert again == parameters
    assert again.digest() == parameters.digest()


def test_random_numbers_depend_on_seed_and_key_alone():
    first = random_generator(1, "clip", "201_1").integers(0, 2**60)
    assert first == random_generator(1, "clip", "201_1").integers(0, 2**60)
    assert first != random_generator(2, "clip", "201_1").integers(0, 2**60)
    assert first != random_generator(1, "clip", "201_2").integers(0, 2**60)
