"""What became of every clip, as a table and as a summary."""

import csv
import io
from pathlib import Path

from adabench.data.corpora import Problem
from adabench.data.prepare.detection.quality import FaceQuality, quality_text
from adabench.data.prepare.report import PrepareReport, report_text

PROBLEMS = (
    *(Problem(f"20{i}_1_Freeform", f"no file 20{i}_1", "no_label") for i in range(5)),
    Problem("300_1_Freeform", "raw/300.mp4: cut", "truncated"),
    Problem("301_1_Freeform", "raw/301.mp4: turned", "rotated", left_out=False),
)


def test_summary_is_grouped_by_status():
    report = PrepareReport(Path("data/x"), 290, 5000, 12, PROBLEMS, 3.21)
    assert report.summary().splitlines() == [
        "data/x: 290 clips, 5000 frames; 12 clips new, in 3.2 s",
        "left out: 6 (all in data/x/report.csv)",
        "  no_label: 5 (no usable label)",
        "    200_1_Freeform: no file 200_1",
        "    201_1_Freeform: no file 201_1",
        "    202_1_Freeform: no file 202_1",
        "    and 2 more",
        "  truncated: 1 (much of the video is missing)",
        "    300_1_Freeform: raw/300.mp4: cut",
        "kept, but suspicious: 1 (all in data/x/report.csv)",
        "  rotated: 1 (turned upright, as the container says)",
        "    301_1_Freeform: raw/301.mp4: turned",
    ]
    assert len(report.left_out) == 6


def test_nothing_wrong():
    summary = PrepareReport(Path("x"), 2, 60, 0, (), 0.5).summary()
    assert summary == "x: 2 clips, 60 frames; 0 clips new, in 0.5 s"


def test_the_other_part_of_the_report_is_named():
    summary = PrepareReport(Path("x"), 2, 60, 0, (), 0.5, Path("x/report-faces.csv")).summary()
    told = "how sure, large, tilted and sharp the faces are: x/report-faces.csv"
    assert summary.splitlines()[1:] == [told]


def test_faces_that_were_seen_and_faces_that_were_not():
    seen = FaceQuality(sure=0.98765, size=0.31, pixels=148.8, tilt=-4.25).plain()
    text = quality_text([("a", "ok", 0.9, seen), ("b", "no_face", 0.0, {})])
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["sure"], first["pixels"], first["tilt"]) == ("0.988", "148.8", "-4.25")
    assert (first["sharp"], first["others"]) == ("", "0.0")
    assert (second["clip"], second["status"], second["sure"]) == ("b", "no_face", "")


def test_table():
    rows = list(csv.DictReader(io.StringIO(report_text(PROBLEMS))))
    assert [row["left_out"] for row in rows] == ["yes"] * 6 + ["no"]
    assert rows[5] == {
        "clip": "300_1_Freeform",
        "status": "truncated",
        "detail": "raw/300.mp4: cut",
        "left_out": "yes",
    }


def test_odd_names_are_written_and_read_back():
    odd = Problem('a\nb,"c"\'d\udcff\x1b[31m.mp4', "b\r\n", "bad_name")
    text = report_text([odd])
    text.encode("utf-8")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["clip"] == 'a\\nb,"c"\'d\\udcff\\x1b[31m.mp4'
    assert len(text.splitlines()) == 2
    assert "\x1b" not in PrepareReport(Path("x"), 0, 0, 0, (odd,), 0.1).summary()
