"""The critical-difference diagram."""

import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

from adabench.viz import critical_difference_diagram

RANKS = {"Dep-MAP": 1.25, "ExpADA": 1.75, "constant": 3.0}
LONG = "Temporal transformer over ResNet-18 frames, wavelet fusion, attention over instances"


def ranks_of(methods):
    """Evenly spread average ranks."""
    return {f"method {index}": 1.0 + index for index in range(methods)}


def drawn_words(path):
    """Texts of an SVG, which names each in a comment."""
    lines = path.read_text().splitlines()
    return [line.strip()[5:-4] for line in lines if line.strip().startswith("<!-- ")]


def bars(path):
    """(left, right) of the bars, in the order they were drawn."""
    paths = [part for part in path.read_text().split("<path") if "stroke-width: 3.6" in part]
    found = []
    for part in paths:
        steps = part.split('d="')[1].split('"')[0].split()
        found.append((float(steps[1]), float(steps[4])))
    return found


def test_a_readable_picture_is_written(tmp_path):
    path = critical_difference_diagram(RANKS, 1.5, tmp_path / "new" / "a.png", "Ranks")
    picture = matplotlib.image.imread(path)
    assert picture.shape[1] == 1260
    assert picture[..., :3].std() > 0.05
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]


def test_the_text_says_title_names_ranks_and_difference(tmp_path):
    path = critical_difference_diagram(RANKS, 1.5, tmp_path / "a.svg", "One", subtitle="Two")
    words = drawn_words(path)
    for word in ("One", "Two", *RANKS, "1.25", "1.75", "3.00", "critical difference 1.50"):
        assert word in words
    assert words.index("Dep-MAP") < words.index("ExpADA") < words.index("constant")


@pytest.mark.parametrize(
    ("difference", "count"), [(0.4, 0), (0.5, 0), (0.6, 1), (1.3, 2), (1.75, 2), (1.76, 1), (9, 1)]
)
def test_bars_join_what_lies_closer_than_the_difference(tmp_path, difference, count):
    path = critical_difference_diagram(RANKS, difference, tmp_path / "a.svg", "t")
    assert len(bars(path)) == count


def test_a_bar_spans_its_methods(tmp_path):
    path = critical_difference_diagram(ranks_of(4), 1.5, tmp_path / "a.svg", "t")
    spans = bars(path)
    assert len(spans) == 3
    widths = [right - left for left, right in spans]
    assert widths == pytest.approx([widths[0]] * 3, abs=0.01)
    step = spans[1][0] - spans[0][0]
    # 0.02 inches of 72 points beyond each end.
    assert widths[0] == pytest.approx(step + 2 * 0.02 * 72, abs=0.01)


def test_no_critical_difference_reaches_is_said(tmp_path):
    path = critical_difference_diagram(RANKS, 9.0, tmp_path / "a.svg", "t")
    assert "critical difference 9.00, more than the axis" in drawn_words(path)


@pytest.mark.parametrize("methods", [2, 3, 15])
def test_names_stay_in_their_column(tmp_path, methods):
    ranks = {f"{LONG} {index} $x_1": rank for index, rank in enumerate(ranks_of(methods).values())}
    path = critical_difference_diagram(ranks, 2.5, tmp_path / "a.png", "t", dots_per_inch=60)
    picture = matplotlib.image.imread(path)[..., :3]
    # Nothing but white along the outer edges; taller with more methods.
    assert np.all(picture[:, :9] == 1)
    assert np.all(picture[:, -5:] == 1)
    assert np.all(picture[-8:] == 1)
    assert picture.shape[0] > methods * 15


def test_a_cut_name_ends_with_an_ellipsis_and_a_short_one_is_whole(tmp_path):
    ranks = {LONG * 20: 1.0, "C3D $5": 2.0}
    words = drawn_words(critical_difference_diagram(ranks, 1.0, tmp_path / "a.svg", "t"))
    (cut,) = [word for word in words if word.endswith("…")]
    assert LONG.startswith(cut[:-1])
    assert len(cut) > 30
    assert "C3D $5" in words


@pytest.mark.parametrize(
    ("ranks", "difference", "words"),
    [
        ({"a": 1.0}, 1.0, "two methods or more, got 1"),
        ({"a": 1.0, "b": 3.0}, 1.0, r"lie in \[1, 2\]"),
        ({"a": 1.0, "b": 1.5}, 1.0, "sum to 3.0"),
        ({"a": 1.0, "b": float("nan")}, 1.0, "sum to 3.0"),
        ({"a": 1.0, "b": 2.0}, 0.0, "positive, got 0.0"),
        ({"a": 1.0, "b": 2.0}, float("inf"), "positive, got inf"),
    ],
)
def test_bad_input_is_refused_and_leaves_no_file(tmp_path, ranks, difference, words):
    with pytest.raises(ValueError, match=words):
        critical_difference_diagram(ranks, difference, tmp_path / "a.png", "t")
    with pytest.raises(ValueError, match=r"a\.movie: its ending must be one of .*png"):
        critical_difference_diagram(RANKS, 1.0, tmp_path / "a.movie", "t")
    assert list(tmp_path.iterdir()) == []


PROBE = """
import sys
from adabench.viz import critical_difference_diagram
critical_difference_diagram({"a": 1.0, "b": 2.0}, 1.0, sys.argv[1], "t")
print("matplotlib.pyplot" in sys.modules)
"""


def test_it_leaves_the_global_state_of_pyplot_alone(tmp_path):
    command = [sys.executable, "-c", PROBE, str(tmp_path / "a.png")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
