"""YuNet's real code path, on a model that was made here and finds bright squares of 64 pixels."""

import dataclasses

import numpy as np
import pytest

from adabench.data.corpora import SourceClip
from adabench.data.prepare import prepare
from adabench.data.prepare.clip import ClipJob, PrepareSettings, prepare_clip
from adabench.data.prepare.detection.detect import make_detector
from adabench.data.prepare.detection.yunet import OUTPUTS, STRIDES, YuNetDetector
from adabench.data.store import JpegPack

SQUARE = 64
FLOATS, INTEGERS = 1, 7  # ONNX's types of tensors


def number(value):
    """A protobuf varint."""
    low, rest = value & 127, value >> 7
    return bytes([low | 128]) + number(rest) if rest else bytes([low])


def field(key, value):
    """A protobuf field: an integer, or text, bytes or a message with its length."""
    if isinstance(value, int):
        return number(key << 3) + number(value)
    content = value.encode() if isinstance(value, str) else value
    return number(key << 3 | 2) + number(len(content)) + content


def integers(name, *values):
    """A node's attribute."""
    return field(5, field(1, name) + b"".join(field(8, v) for v in values) + field(20, INTEGERS))


def node(kind, inputs, output, *attributes):
    names = b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output)
    return field(1, names + field(4, kind) + b"".join(attributes))


def tensor(name, array, kind=FLOATS):
    shape = b"".join(field(1, size) for size in array.shape)
    return field(5, shape + field(2, kind) + field(8, name) + field(9, array.tobytes()))


def value(key, name, *sizes):
    """An input or output of floats; a size is a number or a name."""
    shape = b"".join(field(1, field(1 if isinstance(s, int) else 2, s)) for s in sizes)
    return field(key, field(1, name) + field(2, field(1, field(1, FLOATS) + field(2, shape))))


def head(output, stride, channels):
    """A cell's score at stride 8 is 1 where it is the centre of a bright square; else none."""
    name = f"{output}_{stride}"
    weight, bias = np.zeros((channels, 3, 1, 1), "f4"), np.zeros(channels, "f4")
    if output in ("cls", "obj") and stride == 8:
        weight[:], bias[:] = 2 / (3 * 255), -1
    if output == "bbox":
        bias[:] = 0.5, 0.5, np.log(SQUARE / stride), np.log(SQUARE / stride)
    return b"".join(
        (
            tensor(f"{name}_w", weight),
            tensor(f"{name}_b", bias),
            tensor(f"{name}_s", np.array([1, -1, channels], "i8"), INTEGERS),
            node(
                "Conv",
                [f"mean_{stride}", f"{name}_w", f"{name}_b"],
                f"{name}_c",
                integers("kernel_shape", 1, 1),
            ),
            node("Transpose", [f"{name}_c"], f"{name}_t", integers("perm", 0, 2, 3, 1)),
            node("Reshape", [f"{name}_t", f"{name}_s"], name),
        )
    )


def onnx_model(channels=OUTPUTS):
    """An ONNX file with YuNet's inputs and outputs."""
    graph = value(11, "input", 1, 3, "height", "width")
    for stride in STRIDES:
        pads = [(SQUARE - stride) // 2] * 4
        window = integers("kernel_shape", SQUARE, SQUARE), integers("pads", *pads)
        steps = integers("strides", stride, stride)
        graph += node("AveragePool", ["input"], f"mean_{stride}", *window, steps)
        for output, count in channels.items():
            graph += head(output, stride, count)
            graph += value(12, f"{output}_{stride}", 1, "cells", count)
    return field(1, 8) + field(7, field(2, "squares") + graph) + field(8, field(2, 13))


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "squares.onnx"
    path.write_bytes(onnx_model())
    return path


def picture(*squares, size=(320, 240), side=SQUARE):
    image = np.full((size[1], size[0], 3), 10, np.uint8)
    for x, y in squares:
        image[y : y + side, x : x + side] = 255
    return image


@pytest.mark.parametrize(("x", "y"), [(96, 72), (100, 68), (33, 37), (220, 141)])
def test_a_bright_square_is_found_where_it_is(model, x, y):
    faces = YuNetDetector(model)(picture((x, y)))
    assert faces.shape == (1, 5)
    np.testing.assert_allclose(faces[0, :4], [x, y, SQUARE, SQUARE], atol=5)
    assert 0.6 < faces[0, 4] <= 1


def test_several_and_none(model):
    detector = YuNetDetector(model)
    faces = detector(picture((20, 40), (200, 150)))
    np.testing.assert_allclose(np.sort(faces[:, 0]), [20, 200], atol=5)
    assert detector(picture()).shape == (0, 5)


def test_large_pictures_are_reduced_and_sizes_may_change(model):
    detector = YuNetDetector(model)
    for size, side, place in (((640, 480), 128, (208, 144)), ((131, 97), 64, (40, 24))):
        faces = detector(picture(place, size=size, side=side))
        np.testing.assert_allclose(faces[0, :4], [*place, side, side], atol=9)


def test_the_score_that_counts(model):
    assert len(YuNetDetector(model)(picture((100, 70)))) == 1
    dim = (picture((100, 70)) * 0.88).astype(np.uint8)
    assert len(YuNetDetector(model, score=0.9)(dim)) == 0
    assert len(YuNetDetector(model, score=0.3)(dim)) == 1


def test_overlapping_boxes_count_once(model):
    assert len(YuNetDetector(model, score=0.3, overlap=0.9)(picture((100, 70)))) > 1
    assert len(YuNetDetector(model, score=0.3)(picture((100, 70)))) == 1


def test_colours_are_red_green_blue(model, tmp_path):
    """A model that looks at one channel only: OpenCV's first is blue."""
    content = onnx_model()
    weights = np.full((1, 3, 1, 1), 2 / (3 * 255), "f4")
    blue = np.zeros((1, 3, 1, 1), "f4")
    blue[0, 0] = 2 / 255
    path = tmp_path / "blue.onnx"
    path.write_bytes(content.replace(weights.tobytes(), blue.tobytes()))
    image = picture((96, 72))
    image[..., 0] = 0
    assert len(YuNetDetector(path)(image)) == 1
    assert len(YuNetDetector(path)(image[..., ::-1].copy())) == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"no model" * 50, "no readable ONNX model"),
        (onnx_model()[:-500], "no readable ONNX model"),
        (onnx_model().replace(b"cls_8", b"abc_8"), "lacks the output cls_8; it has abc_8, bbox_16"),
        (onnx_model({**OUTPUTS, "kps": 2}), r"kps_8 has the shape \(1, 96, 2\), expected .*96, 10"),
    ],
)
def test_a_file_that_is_no_yunet(tmp_path, content, told):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told) as caught:
        PrepareSettings(detector="yunet", model=path)
    assert str(path) in str(caught.value)
    assert "face_detection_yunet_2023mar.onnx" in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; give OpenCV's YuNet"):
        PrepareSettings(detector="yunet", model=tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="a folder, not a file"):
        PrepareSettings(detector="yunet", model=tmp_path)


@pytest.mark.parametrize(
    ("option", "told"),
    [({"score": 0}, "score: "), ({"overlap": 1.2}, "overlap: "), ({"height": 20}, "height: ")],
)
def test_wrong_arguments(model, option, told):
    with pytest.raises(ValueError, match=told):
        YuNetDetector(model, **option)


def test_a_missing_or_needless_model(model):
    with pytest.raises(ValueError, match="'yunet' needs its ONNX file"):
        make_detector("yunet")
    with pytest.raises(ValueError, match="'mtcnn' needs none"):
        PrepareSettings(model=model)


@pytest.fixture
def job(tmp_path, write_video, model):
    frames = [picture((40 + 2 * i, 60 + i)) for i in range(20)]
    path = write_video(tmp_path / "raw" / "clip.mp4", frames)
    clip = SourceClip("203_1_Freeform", "203", "203_1", "Freeform", "train", path, 17)
    settings = PrepareSettings(detector="yunet", model=model, margin=0.5)
    return ClipJob(clip, tmp_path / "raw", tmp_path / "out", settings)


def test_a_clip(job):
    note = prepare_clip(job)
    assert (note.status, note.frames, note.face_rate) == ("ok", 20, 1.0)
    frames = JpegPack(job.store).read([0, 19])
    # the square fills the middle half of the crop
    assert frames[:, 22:42, 22:42].min() > 200
    assert frames[:, :8].max() < 60


def test_the_record_names_the_models_content(job, tmp_path):
    record = job.settings.record()
    assert len(record["model_sha256"]) == 64
    assert "model" not in record
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(job.settings.model.read_bytes())
    assert dataclasses.replace(job.settings, model=str(copy)).record() == record


def test_a_model_that_changes_meanwhile(job, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(onnx_model())
    job = dataclasses.replace(job, settings=PrepareSettings(detector="yunet", model=path))
    path.write_bytes(onnx_model().replace(b"squares", b"SQUARES"))
    note = prepare_clip(job)
    assert note.status == "failed"
    assert "the file has changed" in note.detail


def test_no_clip_is_touched_without_a_model(tmp_path, job):
    with pytest.raises(FileNotFoundError, match="no such file"):
        prepare(
            "synthface", tmp_path / "raw", tmp_path / "new", detector="yunet", model="none.onnx"
        )
    assert not (tmp_path / "new").exists()
