"""Frames that are cut while the face is looked for: the same images as of a second reading."""

import numpy as np
import odd_videos
import pytest

from adabench.data.prepare.cutting import CutFaces
from adabench.data.prepare.detection import ahead as module
from adabench.data.prepare.detection.ahead import Ahead
from adabench.data.prepare.detection.smooth import FaceTrack, boxes_of, reach, smooth
from adabench.data.prepare.settings import PrepareSettings
from adabench.data.prepare.videos.decode import Video
from adabench.data.store import jpeg_encoder

WIDTH, HEIGHT, SIDE = 96, 64, 12
FPS = 15


class BlobDetector:
    """Finds what is red, surely; its five points stand upright, or tilted as its place says."""

    model_sha256 = None

    def __call__(self, image):
        red = (image[..., 0] > 160) & (image[..., 2] < 100)
        faces = []
        # blobs lie in bands of their own, so that two are never one
        for band in (slice(0, HEIGHT // 2), slice(HEIGHT // 2, None)):
            rows, columns = np.nonzero(red[band])
            if len(rows) > 4:
                x, y = columns.mean(), rows.mean() + (band.start or 0)
                side = np.sqrt(len(rows))
                turn = np.exp(1j * x / 30)
                points = (x + 1j * y) + turn * side * np.array(
                    [-0.2 - 0.1j, 0.2 - 0.1j, 0, -0.1 + 0.2j, 0.1 + 0.2j]
                )
                places = np.stack([points.real, points.imag], 1).ravel()
                faces.append([x - side / 2, y - side / 2, side, side, 0.9, *places])
        return np.array(faces, float).reshape(-1, 15)


@pytest.fixture
def blobs(monkeypatch):
    monkeypatch.setattr(PrepareSettings, "make_detector", lambda self: BlobDetector())


def film(places, size=(WIDTH, HEIGHT)):
    """Frames with red squares at places: for each frame a list of x, y and side."""
    frames = np.full((len(places), size[1], size[0], 3), 120, np.uint8)
    for frame, blobs in zip(frames, places, strict=True):
        for x, y, side in blobs:
            left, top = round(x - side / 2), round(y - side / 2)
            frame[max(0, top) : top + round(side), max(0, left) : left + round(side)] = (
                220,
                30,
                40,
            )
    return frames


def walk(count, y=16.0, seed=0):
    """A square that moves a little all the time."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 0.15, (count, 3)).cumsum(0)
    x, down, side = np.tanh(steps / 4).T
    return [
        [(WIDTH / 2 + 25 * a, y + 4 * b, SIDE + 3 * c)]
        for a, b, c in zip(x, down, side, strict=True)
    ]


def cut_faces(path, cut="box", every=5):
    settings = PrepareSettings(size=16, cut=cut, detect_every=every)
    return CutFaces(Video(path), settings)


def ready(faces):
    """Which frames need no second reading."""
    return faces._ahead.made(faces.face) >= 0


def same(faces):
    """Whether all images are those of a second reading; and how sharp they are."""
    images, quality = list(faces.images()), faces.quality()
    expected = list(map(jpeg_encoder(), faces.crops()))
    return (
        images == expected and quality == faces.quality() and len(images) == len(faces.face.boxes)
    )


def write(tmp_path, frames, name="film.mp4", **stream):
    return odd_videos.write(tmp_path / name, {"frames": frames, **stream})


@pytest.mark.parametrize("cut", ["box", "aligned"])
@pytest.mark.parametrize("count", [1, 2, 7, 90, 400])
def test_a_face_that_goes_on_is_cut_in_the_first_pass(tmp_path, blobs, cut, count, monkeypatch):
    passes, whole = [], Video.frames
    monkeypatch.setattr(Video, "frames", lambda self: passes.append(self) or whole(self))
    faces = cut_faces(write(tmp_path, film(walk(count))), cut)
    assert ready(faces).all()
    images = list(faces.images())
    assert len(passes) == 1
    assert images == list(map(jpeg_encoder(), faces.crops()))
    assert len(passes) == 2
    assert len(images) == count


@pytest.mark.parametrize("cut", ["box", "aligned"])
@pytest.mark.parametrize("every", [1, 3, 10])
def test_looks_that_are_closer_or_further_apart(tmp_path, blobs, cut, every):
    faces = cut_faces(write(tmp_path, film(walk(260))), cut, every)
    assert ready(faces).all()
    assert same(faces)


def test_around_a_cut_frames_are_cut_again(tmp_path, blobs):
    places = walk(200) + [[(x, y + 32, side)] for [(x, y, side)] in walk(203)]
    faces = cut_faces(write(tmp_path, film(places)))
    assert faces.face.cuts == (200,)
    again = np.flatnonzero(~ready(faces))
    around = reach(FPS) + 5 * 9
    assert 200 in again
    assert 200 - around <= again.min() < again.max() <= 200 + around
    assert same(faces)


@pytest.mark.parametrize("missing", [range(150, 163), range(20, 140), range(12), range(280, 300)])
def test_a_face_that_is_not_seen_for_a_while(tmp_path, blobs, missing):
    places = [[] if i in missing else blob for i, blob in enumerate(walk(300))]
    faces = cut_faces(write(tmp_path, film(places)))
    assert ready(faces).sum() > 80
    assert same(faces)


def test_the_one_who_is_there_longest_was_not_followed_at_first(tmp_path, blobs):
    places = [
        [(x, y, side), *([(x, 48, side + 6)] if i < 60 else [])]
        for i, [(x, y, side)] in enumerate(walk(300))
    ]
    faces = cut_faces(write(tmp_path, film(places)))
    assert not ready(faces)[:60].any()
    assert ready(faces)[150:].all()
    assert same(faces)


def test_whatever_happens_images_are_those_of_a_second_reading(tmp_path, blobs):
    shares = []
    for seed in range(3):
        random, places = np.random.default_rng(seed), []
        while len(places) < 250:
            part = walk(int(random.integers(3, 150)), 16 + 32 * int(random.integers(2)), seed)
            if random.random() < 0.3:
                part = [[]] * len(part)
            elif random.random() < 0.3:
                part = [[*one, (30, 48 if one[0][1] < 32 else 16, 10)] for one in part]
            places += part
        for cut in ("box", "aligned"):
            faces = cut_faces(write(tmp_path, film(places), f"{seed}-{cut}.mp4"), cut)
            shares.append(ready(faces).mean())
            assert same(faces), (seed, cut)
    assert 0 < np.mean(shares) < 1


def test_a_variable_rate_is_left_to_the_second_reading(tmp_path, blobs):
    times = np.cumsum(np.where(np.arange(300) % 7 < 3, 30, 110)).tolist()
    faces = cut_faces(write(tmp_path, film(walk(300)), "film.mkv", times=times))
    assert faces.video.variable_rate
    assert not faces._ahead.works
    assert not ready(faces).any()
    assert same(faces)


def test_pictures_that_change_their_size(tmp_path, blobs):
    import drawn_scenes

    small = film(walk(150))
    large = np.repeat(np.repeat(film(walk(150, seed=0)), 2, 1), 2, 2)
    drawn_scenes.write(tmp_path / "film.mkv", [*small, *large[:120]])
    faces = cut_faces(tmp_path / "film.mkv")
    assert not ready(faces)[150:].any()
    assert same(faces)


def test_turned_pictures_are_cut_in_the_second_reading(tmp_path, monkeypatch):
    """What is found in some upright pictures lies elsewhere in the turned ones."""

    class Wide(BlobDetector):
        def __call__(self, image):
            upright = image.shape[1] > image.shape[0]
            found = super().__call__(image)
            seldom = upright and round(found[0, 0]) % 4 if len(found) else False
            return found[:0] if seldom else found

    monkeypatch.setattr(PrepareSettings, "make_detector", lambda self: Wide())
    faces = cut_faces(write(tmp_path, film(walk(200))))
    assert faces.face.quality.turned
    assert not ready(faces).any()
    assert same(faces)


def test_frames_that_would_take_too_much_memory_do_not_wait(tmp_path, blobs, monkeypatch):
    path = write(tmp_path, film(walk(300)))
    frame = next(Video(path).frames()).nbytes
    waiting = reach(FPS) + 5 * 5 + 15
    monkeypatch.setattr(module, "HELD_BYTES", waiting * frame - 1)
    faces = cut_faces(path)
    assert not faces._ahead.works
    assert not ready(faces).any()
    assert same(faces)
    monkeypatch.setattr(module, "HELD_BYTES", waiting * frame)
    assert ready(cut_faces(path)).all()


def test_no_more_frames_wait_than_are_needed(tmp_path, blobs, monkeypatch):
    most, note = [], Ahead._frame
    monkeypatch.setattr(
        Ahead, "_frame", lambda self, frame: note(self, frame) or most.append(len(self._waiting))
    )
    assert ready(cut_faces(write(tmp_path, film(walk(500))))).all()
    assert max(most) <= reach(FPS) + 5 * 5 + 15
    most.clear()
    cut_faces(write(tmp_path, film([[]] * 450 + walk(50)), "late.mp4"))
    assert max(most) == 2 * (reach(FPS) + 5 * 5 + 15)


def test_images_wait_on_disk_when_they_are_many(tmp_path, blobs, monkeypatch):
    monkeypatch.setattr(module, "_IN_MEMORY", 1 << 10)
    path = write(tmp_path, film(walk(100)))
    settings = PrepareSettings(size=16)
    faces = CutFaces(Video(path), settings, tmp_path)
    assert faces._ahead._images._rolled
    assert [each.name for each in tmp_path.iterdir()] == ["film.mp4"]
    assert same(faces)


def test_how_far_a_box_depends_on_its_neighbours():
    """Both ways, to the last bit: what is beyond `reach` changes nothing."""
    random = np.random.default_rng(3)
    times = np.arange(0, 600, 5)
    finds = np.column_stack(
        [random.normal(0, 5, (120, 3)).cumsum(0) + 200, random.normal(0, 3, 120)]
    )
    whole, _ = boxes_of(smooth(times, finds, np.arange(600), 25.0))
    part, tilts = boxes_of(smooth(times[30:90], finds[30:90], np.arange(180, 420), 25.0))
    far = reach(25.0)
    np.testing.assert_array_equal(part[far:-far], whole[180 + far : 420 - far])
    assert (part != whole[180:420]).any()
    track = FaceTrack(whole, 1.0)
    assert track.tilts is None
    assert tilts is not None
