"""Aligned faces: the images of the table's frames, and what stands for those that are missing."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import Image

from adabench.data.prepare.openface.images import (
    AlignedFaces,
    images_sha256,
    images_state,
    images_table,
    read_image,
)
from adabench.data.prepare.openface.table import OpenFaceTable, UnusableOpenFaceError


@pytest.fixture
def faces(tmp_path, write_openface):
    """Writes rows and images, lets ``change`` loose on the folder, and reads them."""

    def faces(rows, change=lambda folder: None, size=64, **options):
        files = write_openface(tmp_path, rows, **options)
        change(files.aligned)
        return AlignedFaces(files.aligned, OpenFaceTable.read(files.table), size)

    return faces


def shown(faces):
    """The number of the frame that each crop shows."""
    return [round(float(crop[..., 2].mean())) for crop in faces.crops()]


@pytest.mark.parametrize("suffix", [".bmp", ".png", ".jpg", ".webp", ".tiff", ".BMP"])
def test_any_format(faces, openface_rows, suffix):
    found = faces(openface_rows([1, 2, 30]), suffix=suffix)
    crops = list(found.crops())
    assert [crop.shape for crop in crops] == [(64, 64, 3)] * 3
    for number, crop in zip((1, 2, 30), crops, strict=True):
        np.testing.assert_allclose(crop.reshape(-1, 3).mean(axis=0), [200, 0, number], atol=3)
    assert (found.face_rate, found.lost()) == (1.0, "")


@pytest.mark.parametrize(("side", "size"), [(112, 64), (112, 112), (112, 224), (200, 16)])
def test_the_size(faces, openface_rows, side, size):
    assert next(faces(openface_rows([1]), side=side, size=size).crops()).shape == (size, size, 3)


def test_reduced_by_area(faces, openface_rows):
    stripes = np.zeros((112, 112, 3), np.uint8)
    stripes[:, ::2] = 255

    def draw(folder):
        assert cv2.imwrite(str(folder / "frame_det_00_000001.bmp"), stripes)

    crop = next(faces(openface_rows([1]), draw, size=56).crops())
    assert (np.abs(crop.astype(int) - 127.5) < 1).all()


def test_frames_without_a_face_repeat_the_one_before(faces, openface_rows):
    rows = openface_rows(range(10, 20))
    for i in (0, 1, 5, 9):
        rows[i]["success"] = 0
    found = faces(rows)
    assert shown(found) == [12, 12, 12, 13, 14, 14, 16, 17, 18, 18]
    assert found.face_rate == 0.6
    assert shown(found) == shown(found)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "text"])
@pytest.mark.parametrize("suffix", [".bmp", ".png", ".jpg"])
def test_missing_and_unreadable_images(faces, openface_rows, damage, suffix):
    def change(folder):
        for number in (20, 50, 60):
            path = folder / f"frame_det_00_{number:06d}{suffix}"
            content = path.read_bytes()
            path.unlink()
            if damage != "missing":
                kept = {"empty": b"", "cut": content[: len(content) * 2 // 3], "text": b"x" * 99}
                path.write_bytes(kept[damage])

    found = faces(openface_rows(range(10, 80, 10)), change, suffix=suffix)
    assert np.abs(np.subtract(shown(found), [10, 10, 30, 40, 40, 40, 70])).max() <= 3
    assert found.face_rate == pytest.approx(4 / 7)
    assert "3 of 7 images" in found.lost()
    assert "the first that of frame 20" in found.lost()


def test_only_the_clips_face(faces, openface_rows):
    rows = [
        *openface_rows([1], face=0),
        *openface_rows([1, 2], face=1),
        *openface_rows([3], face=0),
        *openface_rows([3], face=1),
    ]
    found = faces(rows)
    assert [round(float(crop[..., 1].mean())) for crop in found.crops()] == [20, 20, 20]
    assert found.face_rate == 1


def test_other_files_and_frames_beside_them(faces, openface_rows):
    def change(folder):
        (folder / "Thumbs.db").write_bytes(b"x")
        (folder / "frame_det_00_notes.txt").write_bytes(b"x")
        shutil.copy(folder / "frame_det_00_000001.bmp", folder / "frame_det_00_000099.bmp")

    assert shown(faces(openface_rows([1, 2]), change)) == [1, 2]


@pytest.mark.parametrize("suffix", [".npy", ".json", ".csv", ".hog", ".png.part"])
@pytest.mark.parametrize("has_table", [True, False])
def test_what_other_programs_leave_beside_each_image(faces, openface_rows, suffix, has_table):
    def change(folder):
        for path in list(folder.iterdir()):
            path.with_suffix(suffix).write_bytes(b"x")
        (folder / f"frame_det_00_000009{suffix}").write_bytes(b"x")
        (folder / "frame_det_00_000010.png").mkdir()

    found = faces(openface_rows([1, 2, 3]), change, suffix=".png")
    if not has_table:
        found = AlignedFaces(found.folder, images_table(found.folder), 64)
    assert (shown(found), found.lost()) == ([1, 2, 3], "")
    assert images_state(found.folder)[0] == 3
    assert len(images_sha256(found.folder)) == 64


@pytest.mark.parametrize("kind", ["CMYK", "L", "RGBA", "P", "16 bits", "turned", "mixed"])
def test_pictures_of_other_kinds(faces, openface_rows, kind):
    """Light at the left, as OpenFace's image was."""
    light = np.full((112, 112, 3), 40, np.uint8)
    light[:, :56] = 220

    def change(folder):
        suffix = ".jpg" if kind in ("CMYK", "turned") else ".png"
        path = folder / f"frame_det_00_000001{suffix}"
        if kind == "16 bits":
            assert cv2.imwrite(str(path), light.astype(np.uint16) * 257)
        elif kind == "turned":
            exif = Image.Exif()
            exif[0x112] = 6
            Image.fromarray(np.ascontiguousarray(np.rot90(light))).save(path, exif=exif)
        elif kind == "mixed":
            path = path.with_suffix(".webp")
            assert cv2.imwrite(str(path), cv2.resize(light, (300, 300)))
        else:
            Image.fromarray(light).convert(kind).save(path)
        (folder / "frame_det_00_000001.bmp").unlink()

    found = faces(openface_rows([1, 2]), change)
    crop = next(found.crops()).astype(float)
    assert crop.shape == (64, 64, 3)
    assert crop[:, :28].min() > 180
    assert crop[:, 36:].max() < 80
    assert found.face_rate == 1


def test_names_of_older_versions(faces, openface_rows):
    def change(folder):
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("det_00_", "det_"))

    columns = ("frame", "timestamp", "confidence", "success")
    assert shown(faces(openface_rows([1, 2]), change, columns=columns)) == [1, 2]


def test_two_images_of_a_frame(faces, openface_rows):
    def change(folder):
        other = np.full((112, 112, 3), 90, np.uint8)
        assert cv2.imwrite(str(folder / "frame_det_00_000002.png"), other)

    assert shown(faces(openface_rows([1, 2, 3]), change)) == [1, 2, 3]


def test_long_numbers(faces, openface_rows):
    assert len(list(faces(openface_rows([999_999, 1_000_000], fps=1)).crops())) == 2


@pytest.mark.parametrize(
    "change", [shutil.rmtree, lambda folder: [f.unlink() for f in folder.iterdir()]]
)
def test_no_images(faces, openface_rows, change):
    with pytest.raises(UnusableOpenFaceError, match="run OpenFace again with -simalign") as caught:
        faces(openface_rows([5, 6]), change)
    assert "clip_aligned" in str(caught.value)


def test_images_of_another_clip(faces, openface_rows):
    def change(folder):
        for path in list(folder.iterdir()):
            path.rename(folder / path.name.replace("00000", "00009"))

    with pytest.raises(UnusableOpenFaceError, match="no image frame_det_00_000005"):
        faces(openface_rows([5, 6]), change)


def test_images_that_are_not_square(faces, openface_rows):
    def change(folder):
        assert cv2.imwrite(str(folder / "frame_det_00_000002.bmp"), np.zeros((80, 112, 3), "u1"))

    with pytest.raises(UnusableOpenFaceError, match="expected a square aligned face, got 112x80"):
        faces(openface_rows([1, 2]), change)


def test_nothing_readable(faces, openface_rows):
    found = faces(openface_rows([1, 2], success=0))
    assert found.face_rate == 0
    with pytest.raises(UnusableOpenFaceError, match="no face in any frame"):
        next(found.crops())


def test_an_image_that_goes_meanwhile(faces, openface_rows):
    found = faces(openface_rows([1, 2]))
    (found.folder / "frame_det_00_000002.bmp").unlink()
    with pytest.raises(UnusableOpenFaceError, match="changed while it was read"):
        list(found.crops())


def test_read_image_of_a_folder(tmp_path):
    assert read_image(tmp_path) is None


def test_the_checksum_tells_names_and_content(tmp_path, openface_rows, write_openface):
    folder = write_openface(tmp_path, openface_rows([1, 2, 3])).aligned
    first, state = images_sha256(folder), images_state(folder)
    assert len(first) == 64
    assert state[0] == 3
    (folder / "Thumbs.db").write_bytes(b"x")
    assert images_sha256(folder) == first
    one, two = (folder / f"frame_det_00_00000{i}.bmp" for i in (1, 2))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    changed = images_sha256(folder)
    two.write_bytes(content)
    assert len({first, changed, images_sha256(folder)}) == 3
    two.unlink()
    assert images_state(folder)[0] == 2
