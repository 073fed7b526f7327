"""Ranks of measured methods over tracks."""

import pytest
from PIL import Image

from adabench.evaluation.scale import Level, Scale
from adabench.leaderboard.over_tracks import rankings_of, write_ranks
from adabench.leaderboard.rows import Entry, build_tables
from adabench.records.sections import scale_form

OTHER = Scale("HAMD-17", 0, 52, (Level("none", 0), Level("mild", 5)))
TWO = Scale("HAMD-17", 0, 52, (Level("none", 0), Level("some", 10)))

TRACKS = ("demo", "demo-freeform", "demo-northwind")


def suffix_of(track):
    """What a config's name says of its track; nothing for a corpus of one's own."""
    task = track.removeprefix("demo").replace("-", "_")
    return f"_avec14{task}" if track.startswith("demo") else ""


@pytest.fixture
def tables(make_record):
    def build(tracks=TRACKS, methods=("A", "B", "C"), **changes):
        entries = [
            Entry(
                make_record(
                    2.0 + place,
                    method=method,
                    config=f"{method.lower()}{suffix_of(track)}",
                    config_hash=f"{method}{track}",
                    track=track,
                    **changes,
                ),
                "measured",
            )
            for track in tracks
            for place, method in enumerate(methods)
        ]
        return build_tables(entries)

    return build


def test_methods_are_ranked_whatever_their_config_s_track(tables):
    (ranking,) = rankings_of(tables())
    assert (ranking.heading, ranking.name) == ("drawn faces (demo), BDI-II", "ranks-demo")
    assert ranking.ranks.tracks == TRACKS
    assert ranking.ranks.ranks == {"A (a)": 1.0, "B (b)": 2.0, "C (c)": 3.0}


def test_too_few_tracks_or_methods_are_not_ranked(tables):
    assert list(rankings_of(tables(tracks=TRACKS[:2]))) == []
    assert list(rankings_of(tables(methods=("A", "B")))) == []
    assert list(rankings_of([])) == []


def test_the_diagram_is_drawn_beside_the_text(tables, tmp_path):
    (text,) = write_ranks(tables(), tmp_path)
    assert "average ranks over 3 tracks" in text
    assert str(tmp_path / "ranks-demo.png") in text
    with Image.open(tmp_path / "ranks-demo.png") as picture:
        assert picture.width > 400


def test_tracks_of_different_scales_are_never_ranked_together(tables, tmp_path):
    own = [f"table-{letter}" for letter in "abcdefg"]
    other, two = ({"licensed": False, "scale": scale_form(scale)} for scale in (OTHER, TWO))
    mixed = [
        *tables(tracks=own[:2], licensed=False),
        *tables(tracks=own[2:3], methods=("C", "B", "A"), **other),
    ]
    assert list(rankings_of(mixed)) == []
    several = [*tables(), *mixed, *tables(tracks=own[3:5], methods=("C", "B", "A"), **other)]
    several += tables(tracks=("table-h", "table-i", "table-j"), **two)
    found = {ranking.heading: ranking for ranking in rankings_of(several)}
    assert {heading: ranking.name for heading, ranking in found.items()} == {
        "drawn faces (demo), BDI-II": "ranks-demo",
        "real corpora, HAMD-17": "ranks-hamd-17",
        "real corpora, HAMD-17 (2)": "ranks-hamd-17.2",
    }
    tracks = {ranking.ranks.tracks: [*ranking.ranks.ranks] for ranking in found.values()}
    assert tracks[(own[2], *own[3:5])] == ["C (c)", "B (b)", "A (a)"]
    assert tracks[("table-h", "table-i", "table-j")] == ["A (a)", "B (b)", "C (c)"]
    texts = list(write_ranks(several, tmp_path))
    assert len(set(tmp_path.glob("*.png"))) == len(texts) == 3
    assert "== real corpora, HAMD-17 ==" in texts[1]
