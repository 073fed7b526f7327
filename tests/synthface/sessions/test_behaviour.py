import numpy as np
import pytest

from adabench.synthface import Behaviour, ClipTruth, SynthfaceParameters, clip_truth
from adabench.synthface.sessions.behaviour import (
    SessionHabits,
    draw_clip,
    draw_habits,
    draw_pose,
    envelope,
    place_key_episodes,
    task_weights,
)
from adabench.synthface.sessions.plan import TASKS, draw_sessions

BEHAVIOUR = Behaviour()
KEY_SIGNALS = ("AU01", "AU04", "AU15")


def habits_of(score: int, seed: int = 0) -> SessionHabits:
    return draw_habits(np.random.default_rng(seed), BEHAVIOUR, score, np.zeros(3))


def draw(
    score: int, *, seed: int = 0, fps: int = 15, seconds=(6.0, 8.0), world="sparse"
) -> ClipTruth:
    rng = np.random.default_rng(seed)
    habits = draw_habits(np.random.default_rng(seed), BEHAVIOUR, score, np.zeros(3), world)
    return draw_clip(rng, BEHAVIOUR, habits, task="Freeform", fps=fps, seconds=seconds)


def test_intensities_stay_in_range_and_clips_have_the_asked_duration():
    for seed in range(20):
        truth = draw(20, seed=seed)
        assert 90 <= len(truth.key) <= 120
        assert truth.behaviour.min() >= 0.0
        assert truth.behaviour.max() <= 1.0


def test_another_frame_rate_samples_the_same_behaviour():
    slow, fast = draw(30, fps=15, seconds=(6.0, 6.0)), draw(30, fps=30, seconds=(6.0, 6.0))
    assert len(fast.key) == 2 * len(slow.key)
    np.testing.assert_allclose(fast.behaviour[::2], slow.behaviour, atol=1e-12)
    np.testing.assert_allclose(fast.pose[::2], slow.pose, atol=1e-12)
    assert fast.key[::2].tolist() == slow.key.tolist()


def test_envelope_rises_stays_and_falls():
    values = envelope(np.arange(-3.0, 20.0), 16)
    assert values[:3].tolist() == [0.0, 0.0, 0.0]
    assert np.all(values[19:] == 0.0)
    np.testing.assert_allclose(values[3:19], values[3:19][::-1], atol=1e-12)
    np.testing.assert_allclose(values[7:15], 1.0)
    # raised cosine over 4 ticks: 0.5 - 0.5 cos(pi k / 5)
    expected = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, 5) / 5)
    np.testing.assert_allclose(values[3:7], expected, atol=1e-12)


def test_key_share_is_near_the_wanted_one_and_in_range():
    shares = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        wanted = rng.uniform(*BEHAVIOUR.key_share)
        duration = int(rng.integers(180, 241))
        episodes = place_key_episodes(rng, duration, wanted)
        assert all(stop - start in (16, 32, 64, 96) for start, stop in episodes)
        edges = [edge for episode in episodes for edge in episode]
        assert edges == sorted(edges)
        assert edges[0] >= 0
        assert edges[-1] <= duration
        share = sum(stop - start for start, stop in episodes) / duration
        assert abs(share - wanted) <= 8 / duration + 1e-9
        shares.append(share)
    assert min(shares) < 0.12
    assert max(shares) > 0.40


def test_key_frames_show_the_conjunction():
    for seed in range(10):
        truth = draw(40, seed=seed)
        inside = {name: truth.column(name)[truth.key] for name in (*KEY_SIGNALS, "gaze_down")}
        assert all(np.median(values) > 0.5 for values in inside.values())


def test_intensity_in_key_frames_follows_severity():
    scores = np.arange(0, 46, 3)
    means = []
    for score in scores:
        clips = [draw(int(score), seed=seed) for seed in range(8)]
        frames = np.concatenate([clip.column("AU15")[clip.key] for clip in clips])
        means.append(np.median(frames))
    slope, offset = np.polyfit(scores / 45, means, 1)
    assert slope == pytest.approx(BEHAVIOUR.key_span, abs=0.15)
    assert offset == pytest.approx(BEHAVIOUR.key_base, abs=0.10)


def test_outside_key_episodes_severity_shows_nowhere():
    mild, severe = [], []
    for seed in range(150):
        mild.append(draw(2, seed=seed))
        severe.append(draw(44, seed=seed + 150))
    for name in KEY_SIGNALS:
        outside = [
            np.array([clip.column(name)[~clip.key].mean() for clip in clips])
            for clips in (mild, severe)
        ]
        error = np.sqrt(sum(values.var() / len(values) for values in outside))
        assert abs(outside[0].mean() - outside[1].mean()) < 4 * error


def test_each_unit_alone_occurs_outside_key_episodes_at_full_strength():
    clips = [draw(20, seed=seed) for seed in range(60)]
    for name in KEY_SIGNALS:
        outside = np.concatenate([clip.column(name)[~clip.key] for clip in clips])
        assert np.mean(outside > 0.15) > 0.15
        assert outside.max() > 0.9
    triple = [
        np.min([clip.column(name)[~clip.key] for name in KEY_SIGNALS], axis=0) for clip in clips
    ]
    assert max(values.max() for values in triple) > 0.5


def test_the_key_share_is_a_habit_of_the_session_and_free_of_severity():
    low = [habits_of(2, seed).key_share for seed in range(200)]
    high = [habits_of(44, seed).key_share for seed in range(200)]
    assert low == high
    assert 0.08 <= min(low) <= max(low) <= 0.45


def test_reading_aloud_masks_differently():
    habits = habits_of(10)
    free, read = task_weights(habits, "Freeform"), task_weights(habits, "Northwind")
    assert free.sum() == pytest.approx(1.0)
    assert read.sum() == pytest.approx(1.0)
    assert not np.allclose(free, read)


def test_pose_has_its_stated_spread():
    ticks = np.arange(0, 20000, 2.0)
    pose = draw_pose(np.random.default_rng(0), ticks, np.zeros(len(ticks)), 5.0)
    # smoothing over 9 ticks takes a little of the deviation
    np.testing.assert_allclose(pose[:, 1:].std(0), [5.0, 2.0, 2.0, 3.0, 2.0], rtol=0.2)


def test_lowering_the_head_turns_it_by_14_degrees():
    ticks, down = np.arange(0, 100, 2.0), np.linspace(0.0, 1.0, 50)
    level = draw_pose(np.random.default_rng(0), ticks, np.zeros(50), 5.0)
    lowered = draw_pose(np.random.default_rng(0), ticks, down, 5.0)
    np.testing.assert_allclose((lowered - level)[:, 2], 14.0 * down)


def test_the_tasks_of_a_session_share_their_key_share_but_differ():
    parameters = SynthfaceParameters.demo(3)
    pairs: list[list[float]] = []
    for session in draw_sessions(parameters)[:40]:
        clips = [clip_truth(parameters, session, task) for task in TASKS]
        assert not np.array_equal(clips[0].behaviour[:50], clips[1].behaviour[:50])
        pairs.append([clip.key.mean() for clip in clips])
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.8
    assert 0.06 <= np.min(pairs) <= np.max(pairs) <= 0.50


def test_in_diffuse_the_score_lowers_smiling_expression_and_motion_throughout():
    def told(score):
        clips = [
            draw(score, seed=seed, seconds=(18.0, 18.0), world="diffuse") for seed in range(30)
        ]
        behaviour = np.stack([clip.behaviour.mean(0) for clip in clips])
        return {
            "smiles": np.mean([(clip.column("AU12") > 0.1).mean() for clip in clips]),
            "smiling": np.mean([clip.column("AU12").max() for clip in clips]),
            "AU04": behaviour[:, 1].mean(),
            "AU15": behaviour[:, 4].mean(),
            "yaw": np.mean([clip.column("yaw").std() for clip in clips]),
            "key": sum(clip.key.sum() for clip in clips),
        }

    mild, severe = told(2), told(44)
    assert mild.pop("key") == severe.pop("key") == 0
    assert all(severe[name] < 0.85 * mild[name] for name in mild), (mild, severe)


def test_worlds_share_the_habits_that_severity_does_not_set():
    sparse = habits_of(20)
    diffuse = draw_habits(np.random.default_rng(0), BEHAVIOUR, 20, np.zeros(3), "diffuse")
    assert diffuse.event_weights.tolist() == sparse.event_weights.tolist()
    assert sparse.vividness.tolist() == [1.0, 1.0, 1.0]
    assert diffuse.key_share == 0.0
    assert all(0.0 < left < 1.0 for left in diffuse.vividness)
