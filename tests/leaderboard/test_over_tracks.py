"""Ranks of measured methods over tracks."""

import pytest
from PIL import Image

from adabench.leaderboard.over_tracks import ranks_of, write_ranks
from adabench.leaderboard.rows import Entry, build_tables

TRACKS = ("demo", "demo-freeform", "demo-northwind")


@pytest.fixture
def tables(make_record):
    def build(tracks=TRACKS, methods=("A", "B", "C"), **changes):
        entries = [
            Entry(
                make_record(
                    2.0 + place,
                    method=method,
                    config=f"{method.lower()}_avec14{track.removeprefix('demo').replace('-', '_')}",
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
    ((heading, ranks),) = ranks_of(tables())
    assert heading == "drawn faces (demo)"
    assert ranks.tracks == TRACKS
    assert ranks.ranks == {"A (a)": 1.0, "B (b)": 2.0, "C (c)": 3.0}


def test_too_few_tracks_or_methods_are_not_ranked(tables):
    assert list(ranks_of(tables(tracks=TRACKS[:2]))) == []
    assert list(ranks_of(tables(methods=("A", "B")))) == []
    assert list(ranks_of([])) == []


def test_the_diagram_is_drawn_beside_the_text(tables, tmp_path):
    (text,) = write_ranks(tables(), tmp_path)
    assert "average ranks over 3 tracks" in text
    assert str(tmp_path / "ranks-demo.png") in text
    with Image.open(tmp_path / "ranks-demo.png") as picture:
        assert picture.width > 400
