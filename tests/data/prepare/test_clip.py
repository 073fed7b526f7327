"""One clip: the face is followed, and what can't be prepared says why."""

import dataclasses
import hashlib
import json
import os
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio

from adabench.data.corpora import SourceClip
from adabench.data.prepare import PrepareSettings, face_boxes
from adabench.data.prepare.clip import ClipJob, finished, prepare_clip
from adabench.data.prepare.detection.crop import crop_face
from adabench.data.prepare.videos.decode import Video
from adabench.data.store import JpegPack


def overlaps(boxes, others):
    """Intersection over union of (N, 4) boxes with (N, 4) others."""
    low = np.maximum(boxes[:, :2], others[:, :2])
    high = np.minimum(boxes[:, :2] + boxes[:, 2:], others[:, :2] + others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    return shared / (np.prod(boxes[:, 2:], axis=1) + np.prod(others[:, 2:], axis=1) - shared)


@pytest.mark.parametrize(
    ("seed", "size", "light"),
    [(0, (320, 240), 1.0), (1, (640, 480), 1.0), (2, (320, 240), 0.3)],
)
def test_the_box_follows_the_face(tmp_path, face_clip, write_video, seed, size, light):
    clip = face_clip(90, *size, seed=seed, light=light)
    found = face_boxes(write_video(tmp_path / "clip.mp4", clip.frames))
    assert found.boxes.shape == (90, 4)
    assert found.face_rate > 0.9
    assert (overlaps(found.boxes, clip.boxes) >= 0.5).mean() >= 0.95
    centre, truth = (boxes[:, :2] + boxes[:, 2:] / 2 for boxes in (found.boxes, clip.boxes))
    assert np.abs(centre - truth).max() < 0.15 * clip.boxes[:, 2].mean()


def test_the_box_does_not_tremble(tmp_path, face_clip, write_video):
    still = np.repeat(face_clip(1).frames, 60, axis=0).astype(np.int16)
    still += np.random.default_rng(0).normal(0, 4, still.shape).astype(np.int16)
    path = write_video(tmp_path / "clip.mp4", np.clip(still, 0, 255).astype(np.uint8))
    boxes = face_boxes(path).boxes
    assert np.abs(np.diff(boxes, axis=0)).max() < 0.01 * boxes[:, 2].mean()


def test_no_face(tmp_path, write_video):
    path = write_video(tmp_path / "clip.mp4", np.full((8, 120, 160, 3), 120, np.uint8))
    assert face_boxes(path) is None


@pytest.fixture
def job(tmp_path, video):
    src = tmp_path / "raw"
    src.mkdir()
    path = src / "clip.mp4"
    path.write_bytes(video.read_bytes())
    clip = SourceClip("203_1_Freeform", "203", "203_1", "Freeform", "train", path, 17)
    return ClipJob(clip, src, tmp_path / "out", PrepareSettings())


def test_stored_frames_are_the_crops(job):
    note = prepare_clip(job)
    assert (note.status, note.frames, note.fps, note.face_rate) == ("ok", 20, 15.0, 1.0)
    boxes = face_boxes(job.clip.video).boxes
    stored = JpegPack(job.store).read(range(20))
    for frame, box, mine in zip(Video(job.clip.video).frames(), boxes, stored, strict=True):
        expected = crop_face(frame.rgb(), box, job.settings.margin, 64)
        assert peak_signal_noise_ratio(expected, mine) > 38


def test_row_of_the_manifest(job):
    row = prepare_clip(job).row(job)
    assert (row.clip, row.subject, row.session, row.task) == (
        "203_1_Freeform",
        "203",
        "203_1",
        "Freeform",
    )
    assert (row.split, row.score, row.frames, row.source) == ("train", 17, 20, "clip.mp4")


def test_finished_until_something_changes(job):
    assert finished(job) is None
    note = prepare_clip(job)
    assert finished(job) == note
    larger = dataclasses.replace(job, settings=PrepareSettings(size=96))
    assert finished(larger) is None
    os.utime(job.clip.video, (1, 1))
    assert finished(job) is None


def test_a_touched_source_is_not_prepared_again(job):
    prepare_clip(job)
    before = job.store.stat().st_mtime_ns
    os.utime(job.clip.video, (1, 1))
    note = prepare_clip(job)
    assert job.store.stat().st_mtime_ns == before
    assert finished(job) == note


def test_a_changed_source_is_prepared_again(job, face_clip, write_video):
    before = prepare_clip(job)
    write_video(job.clip.video, face_clip(12, seed=5).frames)
    note = prepare_clip(job)
    assert (before.frames, note.frames, len(JpegPack(job.store))) == (20, 12, 12)
    assert note.checksums != before.checksums


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_lost_or_short_store_is_made_again(job, damage):
    prepare_clip(job)
    whole = job.store.read_bytes()
    if damage == "missing":
        job.store.unlink()
    else:
        job.store.write_bytes(whole[:-9])
    assert finished(job) is None
    prepare_clip(job)
    assert job.store.read_bytes() == whole


@pytest.mark.parametrize("content", ["", "[]", '{"status": "ok"}'])
def test_a_damaged_note_is_no_note(job, content):
    prepare_clip(job)
    job.note.write_text(content)
    assert finished(job) is None


def check_left_out(job, status, told):
    note = prepare_clip(job)
    assert (note.status, note.kept) == (status, False)
    assert told in note.detail
    assert str(job.source) in note.detail
    assert not job.store.exists()
    return note


@pytest.mark.parametrize(("content", "status"), [(b"", "empty"), (b"text" * 99, "not_a_video")])
def test_unreadable(job, content, status):
    job.clip.video.write_bytes(content)
    note = check_left_out(job, status, "clip.mp4")
    assert finished(job) == note


def test_missing_video(job):
    job.clip.video.unlink()
    check_left_out(job, "unreadable", "No such file")
    assert not job.note.exists()


def test_no_face_is_left_out(job, write_video):
    write_video(job.clip.video, np.full((8, 120, 160, 3), 120, np.uint8))
    check_left_out(job, "no_face", "no face found")


def test_truncated_is_left_out(job, face_clip, write_video):
    options = {"movflags": "faststart"}
    path = write_video(job.clip.video, face_clip(40).frames, container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    check_left_out(job, "truncated", "of 40 frames can be decoded")


def test_few_faces_are_kept_but_told(job, face_clip, write_video):
    frames = face_clip(30).frames
    frames[7:] = 100
    write_video(job.clip.video, frames)
    note = prepare_clip(job)
    assert (note.status, note.kept) == ("few_faces", True)
    assert note.face_rate == pytest.approx(2 / 7, abs=1e-4)
    assert len(JpegPack(job.store)) == 30


def test_signals_are_copied(job, tmp_path):
    signals = tmp_path / "raw" / "clip.csv"
    content = "frame,AU01\n" + "".join(f"{i},0.5\n" for i in range(20))
    signals.write_text(content)
    job = dataclasses.replace(job, clip=dataclasses.replace(job.clip, signals=signals))
    assert prepare_clip(job).status == "ok"
    assert job.signals.read_text() == content


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [("frame,AU01\n0,1\n", "bad_signals", "1 rows for 20 frames"), ("", "failed", "No columns")],
)
def test_signals_that_do_not_fit(job, tmp_path, content, status, told):
    signals = tmp_path / "raw" / "clip.csv"
    signals.write_text(content)
    job = dataclasses.replace(job, clip=dataclasses.replace(job.clip, signals=signals))
    check_left_out(job, status, told)


def test_memory_does_not_grow_with_the_clip(job, face_clip, write_video):
    frames = np.repeat(face_clip(1).frames, 250, axis=0)
    assert frames.nbytes > 57e6
    write_video(job.clip.video, frames)
    del frames
    tracemalloc.start()
    note = prepare_clip(job)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert note.frames == 250
    assert peak < 8e6


def test_notes_are_json(job):
    prepare_clip(job)
    note = json.loads(job.note.read_text())
    assert note["status"] == "ok"
    assert note["digests"] == [hashlib.sha256(job.store.read_bytes()).hexdigest()]


def test_notes_of_earlier_versions_still_count(job):
    note = prepare_clip(job)
    before = {name: value for name, value in vars(note).items() if name != "digests"}
    job.note.write_text(json.dumps(before))
    assert finished(job) == dataclasses.replace(note, digests=[])


@pytest.fixture
def openface_job(job, tmp_path, write_openface, openface_rows):
    """The clip's output of OpenFace beside its video, used instead of it."""
    files = write_openface(tmp_path / "openface", openface_rows(range(1, 21), fps=25))
    clip = dataclasses.replace(job.clip, openface=files, root=tmp_path / "openface")
    return dataclasses.replace(job, clip=clip, settings=PrepareSettings(source="openface"))


def test_a_clip_of_openface(openface_job):
    job = openface_job
    note = prepare_clip(job)
    assert (note.status, note.frames, note.fps, note.face_rate) == ("ok", 20, 25.0, 1.0)
    frames = JpegPack(job.store).read(range(20))
    np.testing.assert_allclose(frames[..., 2].mean(axis=(1, 2)), range(1, 21), atol=3)
    assert pd.read_csv(job.signals)["frame"].tolist() == list(range(20))
    row = note.row(job)
    assert (row.source, row.frames, row.fps) == ("clip.csv", 20, 25.0)
    assert finished(job) == note


def test_openfaces_checksum_is_over_all_its_files(openface_job):
    job = openface_job
    rows = [prepare_clip(job).row(job)]
    image = job.clip.openface.aligned / "frame_det_00_000003.bmp"
    image.write_bytes((image.parent / "frame_det_00_000004.bmp").read_bytes())
    os.utime(image.parent, (1, 1))
    rows.append(prepare_clip(job).row(job))
    table = job.clip.openface.table
    table.write_text(table.read_text().replace("4.15", "4.16"))
    rows.append(prepare_clip(job).row(job))
    assert len({row.source_sha256 for row in rows}) == 3


def test_a_touched_folder_of_images_is_not_prepared_again(openface_job):
    job = openface_job
    prepare_clip(job)
    before = job.store.stat().st_mtime_ns
    os.utime(job.clip.openface.aligned, (1, 1))
    assert finished(job) is None
    note = prepare_clip(job)
    assert job.store.stat().st_mtime_ns == before
    assert finished(job) == note


def test_images_that_are_added_or_lost_are_noticed(openface_job):
    job = openface_job
    assert prepare_clip(job).status == "ok"
    (job.clip.openface.aligned / "frame_det_00_000007.bmp").unlink()
    assert finished(job) is None
    note = prepare_clip(job)
    assert (note.status, note.kept, note.face_rate) == ("short", True, 0.95)
    assert "1 of 20 images" in note.detail


@pytest.mark.parametrize(
    ("content", "status"), [("", "bad_openface"), ("frame,success\n1,0\n", "no_face")]
)
def test_openface_that_is_left_out(openface_job, content, status):
    openface_job.clip.openface.table.write_text(content)
    check_left_out(openface_job, status, "clip.csv")
    if status == "no_face":
        check_left_out(openface_job, status, "give its video and leave --openface out")


def test_images_alone(openface_job):
    files = dataclasses.replace(openface_job.clip.openface, table=None)
    job = dataclasses.replace(
        openface_job, clip=dataclasses.replace(openface_job.clip, openface=files, fps=30.0)
    )
    # the video of the same clip tells the rate
    note = prepare_clip(job)
    assert (note.status, note.frames, note.fps, len(note.stored)) == ("ok", 20, 15.0, 1)
    assert job.sources() == []
    assert note.row(job).source == "clip_aligned"
    assert finished(job) == note
    (files.aligned / "frame_det_00_000007.bmp").unlink()
    assert finished(job) is None
    again = prepare_clip(job)
    assert again.face_rate == 0.95
    assert again.row(job).source_sha256 != note.row(job).source_sha256


@pytest.mark.parametrize(("status", "again"), [("ok", False), ("short", True), ("truncated", True)])
def test_what_an_earlier_version_found_odd_is_looked_at_again(job, status, again):
    note = prepare_clip(job)
    content = json.loads(job.note.read_text()) | {"status": status, "detail": "by other rules"}
    del content["reading"]
    if status == "truncated":
        content |= {"stored": [], "digests": []}
    job.note.write_text(json.dumps(content))
    assert (finished(job) is None) == again
    if again:
        assert prepare_clip(job) == note


def test_videos_with_openfaces_signals(openface_job, tmp_path):
    job = dataclasses.replace(openface_job, settings=PrepareSettings())
    plain = ClipJob(
        dataclasses.replace(job.clip, openface=None, root=None),
        job.src,
        tmp_path / "plain",
        job.settings,
    )
    note, other = prepare_clip(job), prepare_clip(plain)
    assert (note.status, note.fps, note.frames) == ("ok", 15.0, 20)
    assert job.store.read_bytes() == plain.store.read_bytes()
    assert (note.row(job).source, other.row(plain).source) == ("clip.mp4", "clip.mp4")
    # the manifest tells signals of another run of OpenFace
    assert note.row(job).source_sha256 != other.row(plain).source_sha256
    assert len(pd.read_csv(job.signals)) == 20
    table = job.clip.openface.table
    table.write_text(table.read_text().replace("4.15", "4.16"))
    assert finished(job) is None
    assert prepare_clip(dataclasses.replace(plain, out=job.out)).status == "ok"
    assert not job.signals.exists()
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:9]))
    assert prepare_clip(job).status == "bad_signals"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"size": 8}, "size: expected an integer from 16 to 1024, got 8"),
        ({"size": 64.0}, "size: expected an integer"),
        ({"margin": -0.1}, "margin: expected a number from 0 to 2"),
        ({"detect_every": 0}, "detect_every: expected an integer from 1"),
        ({"detector": "harr"}, "did you mean 'haar'"),
    ],
)
def test_wrong_settings(setting, told):
    with pytest.raises(ValueError, match=told):
        PrepareSettings(**setting)
