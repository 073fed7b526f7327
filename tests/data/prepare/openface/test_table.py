"""OpenFace's table: its frames, its clip's face, its frame rate and its signals."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
import torch

from adabench.data.prepare.openface.table import OpenFaceTable, UnusableOpenFaceError
from adabench.models.semantics.sentences import FIXED_SENTENCE, openface_sentences
from adabench.structures import Signals

KEPT = ["gaze_0_x", "gaze_angle_y", "eye_lmk_X_3", "pose_Tx", "pose_Rz", "x_0", "Y_67"]
KEPT += ["AU04_r", "AU28_c", "AU04_c"]


@pytest.fixture
def read(tmp_path, write_openface):
    """Reads a table with the given rows or text."""

    def read(content, **options):
        if isinstance(content, list):
            path = write_openface(tmp_path, content, **options).table
        else:
            path = tmp_path / "clip.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return OpenFaceTable.read(path)

    return read


def frame_of(signals):
    return pd.read_csv(io.BytesIO(b"".join(signals)))


def test_frames_and_success(read, openface_rows):
    rows = openface_rows(range(1, 7))
    rows[2]["success"] = 0
    table = read(rows)
    assert len(table) == 6
    assert table.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert table.success.tolist() == [True, True, False, True, True, True]
    assert (table.face, table.faces, table.gaps(), table.first) == (0, 1, "", 1)


def test_tables_of_older_versions_have_no_face(read, openface_rows):
    columns = ("frame", "timestamp", "confidence", "success", "AU04_r")
    table = read(openface_rows(range(1, 4)), columns=columns)
    assert (table.face, table.faces, len(table)) == (None, 1, 3)
    assert frame_of(table.signals()).columns.tolist() == ["frame", "AU04_r"]


@pytest.mark.parametrize("blanks", [True, False])
def test_blanks_a_mark_and_windows_line_ends(read, blanks):
    text = "frame, timestamp, success, AU01_r \r\n1, 0.000, 1,  0.50\r\n2, 0.033, 1, 0.75\r\n\r\n"
    text = text if blanks else text.replace(" ", "")
    table = read(b"\xef\xbb\xbf" + text.encode())
    assert b"".join(table.signals()) == b"frame,AU01_r\n0,0.50\n1,0.75\n"


def test_the_face_that_is_seen_most(read, openface_rows):
    rows = [
        *openface_rows([1, 2], face=1),
        *openface_rows([3], face=0, success=0),
        *openface_rows([3], face=1),
        *openface_rows([4], face=0),
        *openface_rows([5], face=0),
        *openface_rows([5, 6], face=1),
    ]
    table = read(rows)
    assert (table.face, table.faces) == (1, 2)
    assert table.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert table.success.tolist() == [True, True, True, False, True, True]
    shown = frame_of(table.signals())
    assert shown["frame"].tolist() == [0, 1, 2, 3, 4, 5]
    assert shown["AU04_r"].isna().tolist() == [False, False, False, True, False, False]


def test_of_equals_the_first(read, openface_rows):
    rows = [*openface_rows([1, 2], face=3), *openface_rows([3, 4], face=2)]
    assert read(rows).face == 2


def test_gaps_are_told(read, openface_rows):
    table = read(openface_rows([1, 2, 6, 7, 9]))
    assert len(table) == 5
    assert table.gaps() == "4 frame numbers are missing, the first between 2 and 6"
    assert frame_of(table.signals())["frame"].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (range(901, 941), "900 frame numbers are missing, the first before 901"),
        ([4, 5, 8], "5 frame numbers are missing, the first before 4"),
        (range(26, 200, 5), "5 frame numbers are missing, the first before 26"),
        (range(5, 200, 5), ""),
        (range(40), ""),
    ],
)
def test_first_rows_that_are_missing_are_told(read, openface_rows, numbers, told):
    assert read(openface_rows(numbers)).gaps() == told


def test_a_last_row_cut_short_is_left_off(read, openface_rows, tmp_path, write_openface):
    text = write_openface(tmp_path, openface_rows(range(1, 6))).table.read_text()
    table = read(text[:-30])
    assert len(table) == 4
    assert table.gaps() == "its last row is cut short and left off"
    assert len(frame_of(table.signals())) == 4


@pytest.mark.parametrize("fps", [15, 24, 25, 30, 60, 30000 / 1001, 24000 / 1001])
@pytest.mark.parametrize("count", [2, 9, 180, 3000])
def test_the_rate_of_rounded_timestamps(read, openface_rows, fps, count):
    found = read("frame,timestamp,success\n" + times(range(count), fps)).fps()
    if count >= 180:
        assert found == pytest.approx(fps, rel=1e-9)
    assert found == pytest.approx(fps, rel=0.002 * fps / count)


def times(numbers, fps):
    return "".join(f"{number + 1},{number / fps:.3f},1\n" for number in numbers)


def test_an_odd_rate_stays(read):
    found = read("frame,timestamp,success\n" + times(range(500), 17.4)).fps()
    assert found == pytest.approx(17.4, rel=1e-3)
    assert found != round(found)


def test_the_rate_with_gaps_and_wrong_timestamps(read, openface_rows):
    numbers = [n for n in range(1, 200) if n % 7]
    rows = openface_rows(numbers, fps=25)
    for row in rows[::9]:
        row["timestamp"] = "0.000"
    rows[5]["timestamp"] = "nan"
    assert read(rows).fps() == 25


@pytest.mark.parametrize("text", ["1,0.0,1\n", "1,0.0,1\n2,0.0,1\n3,0.0,1\n", "1,,1\n2,,1\n"])
def test_no_rate(read, text):
    assert read("frame,timestamp,success\n" + text).fps() is None


def test_signals_of_the_tables_own_frames(read, openface_rows):
    rows = openface_rows(range(1, 5))
    rows[1]["success"] = 0
    rows[2]["AU04_r"] = "-nan(ind)"
    rows[3]["AU04_r"] = "inf"
    table = frame_of(read(rows).signals())
    assert table.columns.tolist() == ["frame", *KEPT]
    assert table["frame"].tolist() == [0, 1, 2, 3]
    assert table["gaze_0_x"].tolist()[0] == 1.05
    assert table.iloc[1, 1:].isna().all()
    assert table["AU04_r"].isna().tolist() == [False, True, True, True]
    assert table["AU04_c"].isna().tolist() == [False, True, False, False]


def test_signals_of_a_videos_frames(read, openface_rows):
    """By the numbers: a row that is missing leaves its frame empty, others are left off."""
    table = read(openface_rows([2, 3, 5, 6, 7]))
    shown = frame_of(table.signals(6))
    assert shown["frame"].tolist() == [0, 1, 2, 3, 4, 5]
    assert shown["pose_Tx"].fillna(-1).tolist() == [-1, 2.08, 3.08, -1, 5.08, 6.08]
    assert table.fitting(6) == 4
    assert frame_of(table.signals(9))["pose_Tx"].isna().tolist()[-2:] == [True, True]


def test_numbers_from_zero(read, openface_rows):
    table = read(openface_rows([0, 1, 2]))
    assert table.first == 0
    assert frame_of(table.signals(3))["pose_Tx"].tolist() == [0.08, 1.08, 2.08]


def test_sentences_of_the_signals(read, openface_rows):
    rows = openface_rows(range(1, 4), AU28_c="0.00", AU04_c="1.00")
    rows[1]["success"] = 0
    rows[2] |= {"AU28_c": "1.00", "AU04_c": "0.00"}
    shown = frame_of(read(rows).signals())
    values = torch.from_numpy(shown[KEPT].to_numpy(np.float32))
    said = openface_sentences(Signals(values.nan_to_num(), ~values.isnan(), tuple(KEPT)))
    assert said == [
        "A photo of a face showing brow lowerer.",
        FIXED_SENTENCE,
        "A photo of a face showing lip suck.",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "row 1: no column frame: .* got ''"),
        ("frame,timestamp\n1,0\n", "row 1: no column success"),
        (
            "Frame, Success\n1, 1\n",
            r"no column frame \(did you mean 'Frame'\? write it 'frame'\): expected",
        ),
        ("frame,success\n1,\n2,nan\n", "column success is empty in all 2 rows, so that nothing"),
        ("frame;timestamp;success\n1;0;1\n", "row 1: cells are set apart by ';', not by commas"),
        ("frame\tsuccess\n1\t1\n", "row 1: cells are set apart by .*: save it as it was"),
        ("frame,success,success\n1,1,0\n", "row 1: column success comes twice"),
        ("frame,AU04_r,success,AU04_r\n1,1,1,2\n", "row 1: column AU04_r comes twice"),
        ("frame,success\n1,25\n", "row 2: expected success: 0 or 1, got '25'"),
        ("frame,success\n1,-1\n", "row 2: expected success: 0 or 1, got '-1'"),
        ("frame,success\n1_0,1\n", "row 2: expected frame: a whole number, got '1_0'"),
        ("frame,success\n", "the table has no row"),
        ("frame,success\n1,1\nx,1\n", "row 3: expected frame: a whole number, got 'x'"),
        ("frame,success\n1.5,1\n", "row 2: expected frame: a whole number, got '1.5'"),
        ("frame,success\n-1,1\n", "row 2: expected frame"),
        ("frame,success\n1e300,1\n", "row 2: expected frame"),
        ("frame,face_id,success\n1,,1\n", "row 2: expected face_id"),
        ("frame,success\n1,yes\n", "row 2: expected success: 0 or 1, got 'yes'"),
        ("frame,success\n1,1\n2,WAHR\n", "row 3: expected success: 0 or 1, got 'WAHR'"),
        ("frame,timestamp,success\n1,soon,1\n", "row 2: expected timestamp: a number, got 'soon'"),
        ("frame,success\n1\n2,1\n", "row 2: expected 2 cells, got 1"),
        ("frame,success\n1,1,7\n2,1\n", "row 2: expected 2 cells, got 3"),
        ("frame,success\n2,1\n1,1\n", "expected ascending numbers, got 1 after 2"),
        ("frame,success\n1,1\n1,1\n", "expected ascending numbers, got 1 after 1"),
        (b"frame,success\n1,\xff\xfe\x00\n", "no table"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "no table"),
    ],
)
def test_damaged_tables(read, tmp_path, text, told):
    with pytest.raises(UnusableOpenFaceError, match=told) as caught:
        read(text)
    assert str(tmp_path / "clip.csv") in str(caught.value)
    assert "run OpenFace on the clip again" in str(caught.value)
    assert caught.value.status == "bad_openface"


def test_empty_cells_at_the_end_of_rows(read):
    assert len(read("frame, success,\n1, 1, \n2, 1, \n")) == 2
    assert len(read("frame, success\n1, 1, \n2, 1, \n")) == 2


@pytest.mark.parametrize("words", [("True", "False"), ("TRUE", "FALSE"), (" true", " false")])
def test_success_as_other_programs_write_it(read, words):
    yes, no = words
    table = read(f"frame,success\n1,{yes}\n2,{no}\n3,{yes}\n")
    assert table.success.tolist() == [True, False, True]


@pytest.mark.parametrize(
    "cell", ["", "nan", "-nan(ind)", "1.#QNAN", "-1.#IND", "inf", "NA", "NULL"]
)
def test_cells_where_nothing_was_measured(read, openface_rows, cell):
    rows = openface_rows(range(1, 4))
    rows[1] |= {"AU04_r": cell, "timestamp": cell}
    table = read(rows)
    assert frame_of(table.signals())["AU04_r"].isna().tolist() == [False, True, False]
    assert table.success.all()


@pytest.mark.parametrize("cell", ["strong", "0,5", "1_000", "\u0663", "00:01"])
@pytest.mark.parametrize("column", ["AU04_r", "pose_Rz", "gaze_0_x"])
def test_a_measured_cell_that_can_not_be_read(read, openface_rows, column, cell):
    rows = openface_rows(range(1, 4))
    rows[1][column] = f'"{cell}"'
    told = f"row 3: expected {column}: a number, got '{cell}'"
    with pytest.raises(UnusableOpenFaceError, match=told):
        list(read(rows).signals())


def test_what_is_there_or_not_as_other_programs_write_it(read, openface_rows):
    rows = openface_rows(range(1, 4))
    for row, cell in zip(rows, ("True", "FALSE", "1.00"), strict=True):
        row["AU28_c"] = cell
    assert frame_of(read(rows).signals())["AU28_c"].tolist() == [1, 0, 1]


def test_quotes_after_blanks(read):
    table = read('"frame", "success", "AU04_r"\n"1", "1", "0.50"\n"2", "0", "0.20"\n')
    assert table.success.tolist() == [True, False]
    assert b"".join(table.signals()) == b"frame,AU04_r\n0,0.50\n1,\n"


@pytest.mark.parametrize(("every", "fps"), [(2, 15), (5, 6)])
def test_a_look_at_each_nth_frame(read, openface_rows, every, fps):
    numbers = [1 + every * n for n in range(60) if n != 40]
    table = read(openface_rows(numbers))
    assert (table.stride, table.fps()) == (every, fps)
    assert table.gaps().startswith("1 frame numbers are missing, the first between")
    assert not table.steps().uneven()


@pytest.mark.parametrize("gap", [0.3, 0.6, 0.9])
def test_a_gap_below_a_second_counts_as_in_a_video(read, openface_rows, gap):
    rows = openface_rows(range(1, 61))
    for number, row in enumerate(rows):
        row["timestamp"] = f"{number / 30 + gap * (number >= 30):.3f}"
    table = read(rows)
    assert table.steps().uneven()
    assert table.fps() == pytest.approx(59 / (59 / 30 + gap), rel=1e-3)


@pytest.mark.parametrize(
    ("parts", "fps"),
    [
        ([(1, 301), (341, 641)], 30),
        ([(1, 21), (61, 81)], 30),
        ([(1, 101), (401, 501)], 30),
        ([(1, 11), (101, 401)], 30),
        ([(1, 101), (201, 301), (401, 501)], 30),
        ([(1, 51), (30_001, 30_051)], 30),
        ([(1, 501, 5), (1001, 1501, 5)], 6),
    ],
)
def test_rows_that_are_missing_for_longer_are_no_pause(read, openface_rows, parts, fps):
    table = read(openface_rows([n for part in parts for n in range(*part)]))
    assert (table.fps(), table.steps().pauses()) == (fps, (0, 0.0))


def test_a_pause_where_rows_are_missing_too(read, openface_rows):
    rows = openface_rows([*range(1, 101), *range(141, 241)])
    for row in rows[100:]:
        row["timestamp"] = f"{(row['frame'] - 1) / 30 + 60:.3f}"
    assert read(rows).fps() == 30


def test_numbers_that_jump_where_time_goes_on(read, openface_rows):
    rows = openface_rows([*range(1, 101), *range(401, 501)])
    for number, row in enumerate(rows):
        row["timestamp"] = f"{number / 30:.3f}"
    assert read(rows).fps() == 30


def test_far_rows_alone_have_the_rate_of_their_numbers(read, openface_rows):
    assert read(openface_rows([1, 61, 200])).fps() == 30


LANDMARKS = ("frame", "face_id", "timestamp", "success", "AU04_r", "x_0", "y_0", "x_16", "y_16")
POSES = ("frame", "face_id", "timestamp", "success", "AU04_r", "pose_Tx", "pose_Ty", "pose_Tz")


def seen(openface_rows, numbers, face, x, side=80):
    """Rows of a face whose place landmarks and poses tell."""
    place = {"x_0": x, "y_0": 50, "x_16": x + side, "y_16": 50}
    place |= {"pose_Tx": 2 * x, "pose_Ty": 10, "pose_Tz": 600 * 80 / side}
    return openface_rows(numbers, face=face, **place)


@pytest.mark.parametrize("columns", [LANDMARKS, POSES])
def test_a_face_that_is_numbered_anew(read, openface_rows, columns):
    parts = [(range(1, 41), 0, 100), (range(41, 61), 3, 104), (range(75, 101), 7, 120)]
    rows = [row for part in parts for row in seen(openface_rows, *part)]
    table = read(rows, columns=columns)
    assert (table.face, table.faces, table.success.all()) == (0, 3, True)
    assert table.ids.tolist() == [0] * 40 + [3] * 20 + [7] * 26
    assert frame_of(table.signals())["AU04_r"].notna().all()
    assert table.several == "face_id 0, 3, 7 follow each other in place and count as one face"


@pytest.mark.parametrize(
    "other",
    [
        (range(41, 71), 1, 400),  # somewhere else
        (range(41, 71), 1, 100, 20),  # of another size
        (range(1, 31), 1, 100),  # at the same time
    ],
)
def test_another_face_is_not_the_same(read, openface_rows, other):
    mine = seen(openface_rows, range(1, 41), 0, 100)
    rows = sorted([*mine, *seen(openface_rows, *other)], key=lambda row: row["frame"])
    table = read(rows, columns=LANDMARKS)
    assert (table.face, table.success.sum(), table.ids) == (0, 40, None)
    share = len(other[0]) / len(table)
    assert (
        table.several
        == f"face_id 0 was taken; face_id 1 was tracked too, in {share:.0%} of the frames"
    )


def test_two_numbers_for_a_moment(read, openface_rows):
    """The old one stays for some frames beside the new one: the earlier counts there."""
    old, new = seen(openface_rows, range(1, 26), 0, 100), seen(openface_rows, range(20, 61), 1, 100)
    table = read(sorted([*old, *new], key=lambda row: row["frame"]), columns=LANDMARKS)
    assert table.ids.tolist() == [0] * 25 + [1] * 35
    assert len(frame_of(table.signals())) == 60


def test_of_two_faces_that_are_numbered_anew(read, openface_rows):
    left = [*seen(openface_rows, range(1, 30), 0, 100), *seen(openface_rows, range(30, 61), 2, 100)]
    right = [
        *seen(openface_rows, range(1, 36), 1, 400),
        *seen(openface_rows, range(40, 50), 3, 400),
    ]
    table = read(sorted([*left, *right], key=lambda row: row["frame"]), columns=LANDMARKS)
    assert set(table.ids) == {0, 2}
    assert "face_id 1, 3 was tracked too, in 75% of the frames" in table.several


def test_no_place_joins_nothing(read, openface_rows):
    rows = [*openface_rows(range(1, 11), face=0), *openface_rows(range(11, 31), face=1)]
    table = read(rows)
    assert (table.face, table.success.sum()) == (1, 20)
    assert table.several == "face_id 1 was taken; face_id 0 was tracked too, in 33% of the frames"


def test_what_is_no_success(read):
    table = read("frame,success\n1,1\n2,0\n3,\n4,nan\n5,1.0\n")
    assert table.success.tolist() == [True, False, False, False, True]


def test_the_error_crosses_processes():
    error = pickle.loads(pickle.dumps(UnusableOpenFaceError("no table", "no_face")))
    assert (str(error), error.status) == ("no table", "no_face")
