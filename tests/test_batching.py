import pytest
import torch

from adabench.batching import collate, concat_inputs, pad_inputs, slice_inputs, trim_inputs
from adabench.evaluation import BDI_II
from adabench.structures import Clip, Features, Semantics, Signals, TensorRecord, ViewId


def make_clip(number: int, length: int, *, score: float | None = 3.0, **fields) -> Clip:
    index = torch.arange(length) + 5
    values = {
        "frames": torch.randint(0, 255, (length, 3, 4, 4), dtype=torch.uint8),
        "features": Features(
            vector=torch.rand(length, 6),
            valid=torch.ones(length, dtype=torch.bool),
            span=torch.stack([index, index + 1], -1),
            maps=(torch.rand(length, 2, 4, 4), torch.rand(length, 3, 2, 2)),
        ),
        "semantics": Semantics(text=torch.rand(length, 5), image=torch.rand(length, 7)),
        "signals": Signals(
            values=torch.rand(length, 2),
            mask=torch.ones(length, 2, dtype=torch.bool),
            names=("AU01_r", "pose_Rx"),
        ),
        **fields,
    }
    values.setdefault("level", None if score is None else int(BDI_II.level(score)))
    return Clip(id=ViewId(f"c{number}", f"s{number}", "p", ""), index=index, score=score, **values)


def tensors(record: TensorRecord) -> list[torch.Tensor]:
    found = []
    record.map(lambda t: found.append(t) or t)
    return found


def assert_same(first: TensorRecord, second: TensorRecord) -> None:
    pairs = list(zip(tensors(first), tensors(second), strict=True))
    assert pairs
    for one, other in pairs:
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_collate_pads_the_shorter_clip():
    clips = [make_clip(0, 3, score=13.0), make_clip(1, 5, score=29.0)]
    batch = collate(clips)
    inputs = batch["inputs"]
    assert inputs.valid.tolist() == [[True] * 3 + [False] * 2, [True] * 5]
    assert inputs.index.tolist() == [[5, 6, 7, 0, 0], [5, 6, 7, 8, 9]]
    assert inputs.frames.dtype == torch.uint8
    assert torch.equal(inputs.frames[0, :3], clips[0].frames)
    assert not inputs.frames[0, 3:].any()
    assert inputs.features.valid.tolist() == inputs.valid.tolist()
    assert torch.equal(inputs.features.maps[1][1], clips[1].features.maps[1])
    assert torch.equal(inputs.semantics.image[0, :3], clips[0].semantics.image)
    assert not inputs.signals.mask[0, 3:].any()
    assert inputs.signals.names == ("AU01_r", "pose_Rx")
    assert batch["ids"] == [clip.id for clip in clips]
    assert batch["truth"].score.tolist() == [13.0, 29.0]
    assert batch["truth"].level.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("score", "level"), [(13, 0), (14, 1), (19, 1), (20, 2), (28, 2), (29, 3), (63, 3)]
)
def test_levels_follow_the_bdi(score, level):
    assert collate([make_clip(0, 2, score=score)])["truth"].level.tolist() == [level]


def test_a_clip_without_score_leaves_the_batch_without_truth():
    batch = collate([make_clip(0, 2), make_clip(1, 2, score=None)])
    assert batch["truth"] is None
    assert len(batch["inputs"].valid) == 2


def test_a_clip_without_frames_is_collated_from_the_cache():
    inputs = collate([make_clip(0, 2, frames=None), make_clip(1, 3, frames=None)])["inputs"]
    assert inputs.frames is None
    assert inputs.features.vector.shape == (2, 3, 6)


def test_clips_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"c0 and c1.*only c0 has semantics"):
        collate([make_clip(0, 2), make_clip(1, 2, semantics=None)])
    larger = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"c0 and c1.*frames are \(3, 4, 4\).*\(3, 8, 8\)"):
        collate([make_clip(0, 2), make_clip(1, 2, frames=larger)])
    with pytest.raises(ValueError, match="segment_length is 2 in one, 0 in the other"):
        collate([make_clip(0, 2, segment_length=2), make_clip(1, 2)])
    other = Signals(torch.rand(2, 2), torch.ones(2, 2, dtype=torch.bool), ("AU04_r", "pose_Rx"))
    with pytest.raises(ValueError, match=r"signals are .*AU01_r.*AU04_r"):
        collate([make_clip(0, 2), make_clip(1, 2, signals=other)])
    with pytest.raises(ValueError, match="at least one clip"):
        collate([])


def test_slice_and_trim_undo_collate():
    clips = [make_clip(0, 3), make_clip(1, 5), make_clip(2, 4)]
    inputs = collate(clips)["inputs"]
    for number, clip in enumerate(clips):
        alone = trim_inputs(slice_inputs(inputs, [number]))
        assert_same(alone, collate([clip])["inputs"])


def test_concat_undoes_slice():
    inputs = collate([make_clip(0, 3), make_clip(1, 5)])["inputs"]
    parts = [trim_inputs(slice_inputs(inputs, slice(i, i + 1))) for i in range(2)]
    assert_same(concat_inputs(parts), inputs)


def test_slice_follows_the_order_asked_for():
    inputs = collate([make_clip(0, 3), make_clip(1, 5), make_clip(2, 4)])["inputs"]
    picked = slice_inputs(inputs, [2, 0])
    assert torch.equal(picked.features.vector, inputs.features.vector[[2, 0]])


def test_padding_is_marked_and_filled():
    inputs = collate([make_clip(0, 3)])["inputs"]
    padded = pad_inputs(inputs, 6, fill=0.5)
    assert padded.valid.tolist() == [[True] * 3 + [False] * 3]
    assert padded.index[0, 3:].tolist() == [0, 0, 0]
    assert padded.frames[0, 3:].unique().tolist() == [128]
    assert padded.features.vector[0, 3:].unique().tolist() == [0.5]
    assert not padded.features.valid[0, 3:].any()
    assert not padded.signals.mask[0, 3:].any()
    assert_same(trim_inputs(padded), inputs)


def test_padding_of_segments_adds_whole_steps():
    features = Features(
        vector=torch.rand(2, 6), valid=torch.ones(2, dtype=torch.bool), span=torch.zeros(2, 2)
    )
    inputs = collate([make_clip(0, 8, features=features, segment_length=4)])["inputs"]
    padded = pad_inputs(inputs, 16)
    assert padded.features.valid.tolist() == [[True, True, False, False]]
    assert padded.segment_length == 4
    assert trim_inputs(padded).valid.shape == (1, 8)
    with pytest.raises(ValueError, match="a multiple of 4; got 10"):
        pad_inputs(inputs, 10)
    with pytest.raises(ValueError, match="at least 8"):
        pad_inputs(inputs, 4)


def of_frames(length: int) -> Features:
    """What a trunk gives frame by frame, under a backbone that sees segments."""
    index = torch.arange(length)
    return Features(
        vector=torch.rand(length, 6),
        valid=torch.ones(length, dtype=torch.bool),
        span=torch.stack([index, index + 1], -1),
        maps=(torch.rand(length, 2, 4, 4),),
    )


def test_features_of_frames_in_a_batch_of_segments():
    clips = [
        make_clip(n, length, features=of_frames(length), segment_length=4)
        for n, length in enumerate((4, 12, 8))
    ]
    inputs = collate(clips)["inputs"]
    assert inputs.segment_length == 4
    assert torch.equal(inputs.features.valid, inputs.valid)
    assert inputs.features.maps[0].shape == (3, 12, 2, 4, 4)
    for number, clip in enumerate(clips):
        alone = trim_inputs(slice_inputs(inputs, [number]))
        assert_same(alone, collate([clip])["inputs"])
    padded = pad_inputs(inputs, 20, fill=0.5)
    assert padded.features.valid.shape == padded.valid.shape == (3, 20)
    assert torch.equal(padded.features.valid, padded.valid)
    assert padded.features.maps[0][1, 12:].unique().tolist() == [0.5]
    assert_same(trim_inputs(padded), inputs)
