import numpy as np
import pytest

from adabench.synthface import SynthfaceParameters, clip_truth, draw_sessions
from adabench.synthface.sessions.shortcuts import place_of, seconds_of
from adabench.synthface.writing.corpus import corpus_jobs

PLANTED = ("light", "background", "length")


def parameters_of(shortcut: str | None) -> SynthfaceParameters:
    return SynthfaceParameters(seed=3, shortcut=shortcut, seconds=(2.0, 4.0), calibration=50)


def by_split(shortcut: str) -> dict[str, float]:
    """Correlation of the planted place with the score, by split."""
    parameters = parameters_of(shortcut)
    found = {}
    for split in parameters.split_sessions():
        pairs = [
            (s.score, place_of(parameters, s))
            for s in draw_sessions(parameters)
            if s.split == split
        ]
        found[split] = float(np.corrcoef(np.array(pairs).T)[0, 1])
    return found


@pytest.mark.parametrize("shortcut", PLANTED)
def test_a_shortcut_is_tied_where_it_says_and_free_elsewhere(shortcut):
    found = by_split(shortcut)
    tied = set(found) if shortcut == "length" else {"train", "dev"}
    for split, correlation in found.items():
        assert correlation > 0.95 if split in tied else abs(correlation) < 0.4, split


def test_free_places_are_as_spread_as_tied_ones():
    parameters = parameters_of("light")
    places = {
        split: [place_of(parameters, s) for s in draw_sessions(parameters) if s.split == split]
        for split in ("train", "test")
    }
    assert np.std(places["test"]) == pytest.approx(np.std(places["train"]), rel=0.3)


@pytest.mark.parametrize("shortcut", [None, *PLANTED, "person"])
def test_only_what_is_planted_changes(shortcut):
    plain, planted = (
        [job.draw() for job in corpus_jobs(parameters_of(one))[:6]] for one in (None, shortcut)
    )
    for one, other in zip(plain, planted, strict=True):
        assert one.identity.ratio == other.identity.ratio
        assert (one.scene.light == other.scene.light) == (shortcut != "light")
        assert (one.scene.wall.tolist() == other.scene.wall.tolist()) == (shortcut != "background")
        assert one.scene.shirt.tolist() == other.scene.shirt.tolist()


def test_a_clip_lasts_as_long_as_its_score_says():
    parameters = parameters_of("length")
    sessions = [s for s in draw_sessions(parameters) if s.split == "test"]
    frames = [len(clip_truth(parameters, s, "Freeform").key) for s in sessions]
    expected = [seconds_of(parameters, s)[0] * parameters.fps for s in sessions]
    assert np.abs(np.subtract(frames, expected)).max() <= 1
    assert np.corrcoef([s.score for s in sessions], frames)[0, 1] > 0.95
