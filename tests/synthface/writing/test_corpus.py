import re

import av
import cv2
import numpy as np

from adabench.synthface import TASKS, clip_truth, draw_sessions, key_frames, read_truth

VIDEO = re.compile(
    r"(Training|Development|Testing|Calibration)/(Freeform|Northwind)/\d{5}_\d_\2_video\.mp4"
)
LABEL = re.compile(
    r"AVEC2014_DepressionLabels/"
    r"((Training|Development|Calibration)_DepressionLabels|Testing/DepressionLabels)/\d{5}_\d_Depression\.csv"
)
TRUTH = re.compile(r"truth/\d{5}_\d_(Freeform|Northwind)\.csv")


def test_every_file_has_its_place(corpus):
    files = [path.relative_to(corpus).as_posix() for path in corpus.rglob("*") if path.is_file()]
    kinds = [sum(bool(kind.fullmatch(file)) for file in files) for kind in (VIDEO, LABEL, TRUTH)]
    assert kinds == [56, 28, 56]
    assert len(files) == 56 + 28 + 56 + 1
    assert "synthface.json" in files


def test_labels_are_single_integers_of_the_sessions(corpus, parameters):
    scores = {session.name: session.score for session in draw_sessions(parameters)}
    for path in (corpus / "AVEC2014_DepressionLabels").rglob("*.csv"):
        text = path.read_text()
        assert re.fullmatch(r"\d+\n", text)
        assert 0 <= int(text) <= 63
        assert int(text) == scores[path.name.removesuffix("_Depression.csv")]


def test_the_truth_has_a_row_for_each_frame_and_is_what_the_model_says(corpus, parameters):
    session = draw_sessions(parameters)[0]
    for task in TASKS:
        name = session.clip_name(task)
        written = read_truth(corpus / "truth" / f"{name}.csv")
        expected = clip_truth(parameters, session, task)
        np.testing.assert_allclose(written.behaviour, expected.behaviour, atol=1e-4)
        np.testing.assert_allclose(written.pose, expected.pose, atol=1e-4)
        assert written.key.tolist() == expected.key.tolist()
        with av.open(str(corpus / "Training" / task / f"{name}_video.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == len(written.key)


def test_the_ordinary_face_detector_finds_one_face(corpus):
    detector = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = []
    for path in sorted((corpus / "Testing").rglob("*.mp4"))[:12]:
        with av.open(str(path)) as container:
            for frame in container.decode(video=0):
                grey = frame.to_ndarray(format="gray")
                found.append(len(detector.detectMultiScale(grey, 1.1, 3, minSize=(50, 50))))
    assert len(found) > 150
    assert np.mean(np.array(found) == 1) >= 0.99


def test_key_frames_are_those_of_the_truth_files(corpus, parameters):
    folders = {"train": "Training", "dev": "Development", "test": "Testing"}
    folders["calibration"] = "Calibration"
    seen = set()
    for split, folder in folders.items():
        found = key_frames(parameters, split)
        videos = {p.name.removesuffix("_video.mp4") for p in (corpus / folder).rglob("*.mp4")}
        assert set(found) == videos
        for clip, key in found.items():
            written = read_truth(corpus / "truth" / f"{clip}.csv").key
            assert key.dtype == bool
            assert key.tolist() == written.tolist()
        seen |= set(found)
    assert len(seen) == 56
    assert key_frames(parameters).keys() == key_frames(parameters, "test").keys()


def test_a_world_without_key_episodes_has_no_key_frames(parameters):
    assert key_frames(parameters.model_copy(update={"world": "diffuse"})) == {}
    assert key_frames(parameters.model_copy(update={"world": "none"})).keys() == (
        key_frames(parameters).keys()
    )
