"""What a decoded clip is worth."""

import ast
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from adabench import data
from adabench.data.prepare.judge import LEFT_OUT, OK, SUSPICIOUS, judge, kept, meaning
from adabench.data.prepare.videos.decode import Video
from adabench.data.prepare.videos.display import AS_STORED, Crop, Display

PACKAGE = Path(data.__file__).parent
SAYING = {"Problem", "RowError", "problem", "UnreadableVideoError", "UnusableOpenFaceError"}
WORD = re.compile("[a-z]+_[a-z_]+")


def seen(**changes):
    """A video after a full pass in which nothing was wrong."""
    fields = {
        "path": Path("raw/clip.mp4"),
        "format": "mov,mp4,m4a,3gp,3g2,mj2",
        "fps": 30.0,
        "others": "",
        "broken": None,
        "lost": 0,
        "damaged": 0,
        "interlaced": 0,
        "hdr": False,
        "display": AS_STORED,
        "shapes": [changes.get("display", AS_STORED).shape],
        "assumed_rate": False,
        "variable_rate": False,
        "spacing": (0.033, 0.034),
        "pauses": (0, 0.0),
    }
    return SimpleNamespace(**{**fields, **changes})


def test_nothing_wrong():
    assert judge(seen(), 1000, 0.9) == (OK, "")


@pytest.mark.parametrize(
    ("changes", "frames", "face_rate", "status", "told"),
    [
        ({"lost": 9}, 991, 1.0, "short", "991 of 1000 frames can be decoded"),
        ({"lost": 49}, 951, 1.0, "short", "951 of 1000"),
        ({"lost": 51}, 949, 1.0, "truncated", "949 of 1000"),
        ({"lost": 51, "broken": "it ends"}, 949, 1.0, "truncated", "can be decoded (it ends)"),
        ({"broken": "no data"}, 7, 1.0, "short", "7 of 7 frames can be decoded (no data)"),
        ({"damaged": 1}, 1000, 1.0, "damaged_frames", "1 of 1000 frames could be restored only"),
        ({"damaged": 50}, 1000, 1.0, "damaged_frames", "50 of 1000"),
        ({"damaged": 51}, 1000, 1.0, "damaged", "51 of 1000"),
        (
            {"variable_rate": True, "spacing": (0.02, 0.5), "fps": 24.8},
            1000,
            1.0,
            "variable_rate",
            "20 to 500 ms apart; each is kept once and counts as 1/24.8 s",
        ),
        ({"fps": 15360.0}, 1000, 1.0, "odd_rate", "15360 frames per second"),
        ({"fps": 0.5}, 1000, 1.0, "odd_rate", "0.5 frames per second"),
        ({}, 1000, 0.5, OK, ""),
        ({}, 1000, 0.49, "few_faces", "a face in only 49% of the frames looked at"),
        ({"display": Display(quarters=1)}, 1000, 1.0, "rotated", "turned by 90 degrees"),
        ({"display": Display(mirrored=True)}, 1000, 1.0, "mirrored", "left and right change"),
        ({"display": Display(shape=Fraction(64, 45))}, 1000, 1.0, "stretched", "pixels are 64:45"),
        ({"shapes": [1, Fraction(4, 3)]}, 1000, 1.0, "stretched", "pixels are 1:1, then 4:3, and"),
        (
            {"assumed_rate": True},
            1000,
            1.0,
            "assumed_rate",
            "FFmpeg's 30 are taken; give it as an MP4",
        ),
        ({"display": Display(Crop(0, 4, 0, 2))}, 1000, 1.0, "cropped", "0, 4, 0 and 2 pixels"),
        ({"others": "2 video streams"}, 1000, 1.0, "several_streams", "2 video streams"),
        ({"pauses": (1, 60.0)}, 1000, 1.0, "pause", "it pauses once, for 60.0 s in all"),
        ({"pauses": (3, 60.0)}, 1000, 1.0, "pause", "it pauses 3 times"),
        ({"interlaced": 501}, 1000, 1.0, "interlaced", "501 of 1000 frames are interlaced"),
        ({"interlaced": 500}, 1000, 1.0, OK, ""),
        ({"hdr": True}, 1000, 1.0, "hdr", "convert it to SDR"),
        ({"format": "avi"}, 1000, 1.0, "wrong_suffix", "ends with .mp4, but it is avi"),
    ],
)
def test_findings(changes, frames, face_rate, status, told):
    found, detail = judge(seen(**changes), frames, face_rate)
    assert found == status
    assert told in detail
    assert detail.startswith("raw/clip.mp4: ") or status == OK


@pytest.mark.parametrize(
    ("suffix", "container", "fits"),
    [
        (".MP4", "mov,mp4,m4a,3gp,3g2,mj2", True),
        (".mov", "mov,mp4,m4a,3gp,3g2,mj2", True),
        (".webm", "matroska,webm", True),
        (".mkv", "matroska,webm", True),
        (".wmv", "asf", True),
        (".avi", "avi", True),
        (".avi", "mov,mp4,m4a,3gp,3g2,mj2", False),
        (".mkv", "asf", False),
        (".vob", "mpeg", True),
        (".m4v", "m4v", True),
        (".m4v", "mov,mp4,m4a,3gp,3g2,mj2", True),
        (".mp4", "m4v", False),
    ],
)
def test_suffixes(suffix, container, fits):
    status, _ = judge(seen(path=Path(f"clip{suffix}"), format=container), 1000, 1.0)
    assert (status == OK) == fits


def test_the_most_serious_counts_and_all_are_told():
    shown = Display(quarters=2)
    video = seen(damaged=3, display=shown, format="avi", broken="no data", lost=100)
    status, detail = judge(video, 900, 0.2)
    assert status == "truncated"
    for told in ("900 of 1000", "3 of 900", "20%", "180 degrees", "but it is avi"):
        assert told in detail


def said_in(*parts):
    """The words that these files give a problem or an error as its status."""
    for path in (one for part in parts for one in sorted((PACKAGE / part).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _name(node.func) in SAYING:
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                for value in values:
                    if isinstance(value, ast.Constant) and WORD.fullmatch(str(value.value)):
                        yield value.value


def _name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_word_that_is_said_is_explained():
    words = set(said_in("corpora", "prepare"))
    assert {"no_label", "bad_name", "not_a_video", "no_openface", "bad_row"} <= words
    assert not [word for word in sorted(words) if not meaning(word)]


def test_words():
    assert not set(SUSPICIOUS) & set(LEFT_OUT)
    assert kept(OK)
    assert all(kept(word) and meaning(word) for word in SUSPICIOUS)
    assert all(meaning(word) and not kept(word) for word in LEFT_OUT)
    assert meaning("anything else") == ""


def test_a_real_video_under_another_containers_name(tmp_path, face_clip, write_video):
    path = write_video(tmp_path / "clip.avi", face_clip(6).frames).rename(tmp_path / "clip.mp4")
    video = Video(path)
    frames = sum(1 for _ in video.frames())
    status, detail = judge(video, frames, float(np.float64(1)))
    assert (status, frames) == ("wrong_suffix", 6)
    assert "but it is avi" in detail
