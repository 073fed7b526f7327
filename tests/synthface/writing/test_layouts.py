import csv
import re

import av
import cv2
import numpy as np
import pytest

from adabench.synthface import (
    SynthfaceParameters,
    draw_sessions,
    generate,
    read_truth,
    write_avec2013,
    write_openface,
)
from adabench.synthface.writing.layouts import write_renamed, write_table

SMALL = SynthfaceParameters(seed=6, sessions=4, fps=15, seconds=(1.0, 1.1))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return generate(SMALL, tmp_path_factory.mktemp("source"), progress=False)


@pytest.fixture(scope="module")
def openface(source, tmp_path_factory):
    return write_openface(source, tmp_path_factory.mktemp("openface") / "out")


def test_avec_2013_has_one_clip_and_one_label_a_session(source, tmp_path):
    out = write_avec2013(source, tmp_path / "out", task="Northwind")
    for session in draw_sessions(SMALL):
        split = {"train": "Training", "dev": "Development", "test": "Testing"}[session.split]
        original = source / split / "Northwind" / f"{session.name}_Northwind_video.mp4"
        copied = out / split / f"{session.name}_cut_combined.mp4"
        assert copied.read_bytes() == original.read_bytes()
        label = out / f"{split}_DepressionLabels" / f"{session.name}_Depression.csv"
        assert int(label.read_text()) == session.score
    assert len(list(out.rglob("*.mp4"))) == len(list(out.rglob("*_Depression.csv"))) == 12
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_other_names_hold_the_same_files(source, tmp_path):
    out = write_renamed(source, tmp_path / "out")
    for session in draw_sessions(SMALL):
        folder = {"train": "Training", "dev": "Development", "test": "Testing"}[session.split]
        original = source / folder / "Northwind" / f"{session.name}_Northwind_video.mp4"
        copied = out / session.split / "northwind" / f"{session.name}_northwind_video.mp4"
        assert copied.read_bytes() == original.read_bytes()
        assert int((out / "labels" / f"{session.name}_Depression.csv").read_text()) == session.score
    assert {path.name for path in out.iterdir()} == {
        *("train", "dev", "test", "labels", "synthface.json")
    }
    assert len(list(out.rglob("*.mp4"))) == 24


def test_a_table_names_every_video(source, tmp_path):
    out = write_table(source, tmp_path / "out")
    with (out / "clips.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    scores = {session.name: str(session.score) for session in draw_sessions(SMALL)}
    assert len(rows) == 24
    assert {row["session"]: row["score"] for row in rows} == scores
    assert all(row["session"].startswith(f"{row['subject']}_") for row in rows)
    assert sorted(row["video"] for row in rows) == sorted(
        path.relative_to(out).as_posix() for path in (out / "videos").iterdir()
    )


def test_openface_of_avec_2013(source, openface, tmp_path):
    out = write_openface(source, tmp_path / "out", layout="avec2013", task="Northwind", image="png")
    for session in draw_sessions(SMALL):
        split = {"train": "Training", "dev": "Development", "test": "Testing"}[session.split]
        table = out / split / f"{session.name}_cut_combined.csv"
        same = openface / split / "Northwind" / f"{session.name}_Northwind_video.csv"
        assert table.read_text() == same.read_text()
        faces = sorted((out / split / f"{session.name}_cut_combined_aligned").iterdir())
        assert faces[0].name == "frame_det_00_000001.png"
        bitmap = same.with_name(f"{same.stem}_aligned") / "frame_det_00_000001.bmp"
        np.testing.assert_array_equal(cv2.imread(str(faces[0])), cv2.imread(str(bitmap)))
    assert len(list(out.rglob("*_Depression.csv"))) == 12


def test_openface_tables_stand_beside_their_aligned_faces(source, openface):
    for video in source.rglob("*.mp4"):
        table = openface / video.relative_to(source).with_suffix(".csv")
        with table.open(newline="") as lines:
            rows = list(csv.DictReader(lines, skipinitialspace=True))
        aligned = sorted((table.parent / f"{table.stem}_aligned").iterdir())
        with av.open(str(video)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert len(rows) == len(aligned) == frames
        assert aligned[0].name == "frame_det_00_000001.bmp"
        assert [int(row["frame"]) for row in rows] == list(range(1, frames + 1))
    assert len(list(openface.rglob("*_Depression.csv"))) == 12


def test_openface_tables_say_what_the_truth_says(source, openface):
    table = next(openface.rglob("*_Freeform_video.csv"))
    truth = read_truth(source / "truth" / table.name.replace("_video", ""))
    with table.open(newline="") as lines:
        rows = list(csv.DictReader(lines, skipinitialspace=True))
    values = {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    np.testing.assert_allclose(values["AU15_r"], 5 * truth.column("AU15"), atol=1e-3)
    np.testing.assert_allclose(values["pose_Rx"], np.deg2rad(truth.column("pitch")), atol=1e-3)
    assert set(values["AU04_c"]) <= {0.0, 1.0}
    assert np.all(values["AU02_r"] == 0.0)
    assert sum(bool(re.fullmatch(r"AU\d\d_r", name)) for name in values) == 17


def test_aligned_faces_are_centred(openface):
    detector = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    centres = []
    for path in list(openface.rglob("frame_det_00_000003.bmp")):
        face = cv2.imread(str(path))
        assert face.shape == (112, 112, 3)
        grown = cv2.copyMakeBorder(face, 20, 20, 20, 20, cv2.BORDER_REPLICATE)
        boxes = detector.detectMultiScale(grown, 1.1, 3, minSize=(50, 50))
        centres += [(x + w / 2 - 20, y + h / 2 - 20) for x, y, w, h in boxes]
    assert len(centres) >= 18
    assert np.abs(np.median(centres, axis=0) - 56.0).max() < 8.0


def test_wrong_sources_and_targets_are_refused(source, expressions, tmp_path):
    with pytest.raises(ValueError, match="task"):
        write_avec2013(source, tmp_path / "out", task="Interview")
    with pytest.raises(ValueError, match="expression clips"):
        write_openface(expressions, tmp_path / "out")
    with pytest.raises(ValueError, match="layout: expected one of"):
        write_openface(source, tmp_path / "out", layout="avec2015")
    with pytest.raises(ValueError, match="image: expected an image format"):
        write_openface(source, tmp_path / "out", image="gif7")
    assert list(tmp_path.iterdir()) == []
    for write in (write_openface, write_table, write_renamed):
        with pytest.raises(FileNotFoundError, match=r"synthface\.json"):
            write(tmp_path, tmp_path / "out")
    with pytest.raises(FileExistsError, match="exists already"):
        write_avec2013(source, tmp_path)
