"""The store's table: rates, sizes and errors of candidates, and what they decide."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from adabench.data.store import JpegPack
from adabench.data.stores import CANDIDATES, KEPT, Candidate, find_candidates
from adabench.profiling import store as store_profile
from adabench.profiling.clips import Source
from adabench.profiling.store import StoreFigures, dropped_from_cache, profile_stores
from adabench.synthface.video import encode

DELAY = 0.02


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A short video of noise whose crops are its upper left corner."""
    path = tmp_path_factory.mktemp("source") / "clip.mp4"
    frames = np.random.default_rng(0).integers(0, 256, (60, 64, 64, 3), np.uint8)
    encode(iter(frames), path, fps=15)
    return Source(path, np.ascontiguousarray(frames[:, :32, :32]))


class SlowPack(JpegPack):
    """Takes its time with each read."""

    def read(self, index):
        time.sleep(DELAY)
        return super().read(index)


def test_what_is_measured_is_what_is_there(source, tmp_path):
    slow = Candidate("slow", "JPEGs", "slow", JpegPack.write, SlowPack)
    found = profile_stores(
        [source, source], [*find_candidates(["raw"]), slow], repeats=2, folder=tmp_path
    )
    stores = {store.name: store for store in found.stores}
    assert list(stores) == [KEPT, "raw", "slow"]
    assert stores["raw"].size == pytest.approx(32 * 32 * 3, rel=0.01)
    assert (stores["raw"].psnr, stores["raw"].kind) == (None, "raw")
    JpegPack.write(tmp_path / "clip", iter(source.crops))
    assert stores[KEPT].size == (tmp_path / "clip").stat().st_size / 60
    assert 20 < stores[KEPT].psnr < 60
    # 60 frames of two clips in steps of two, four segments of 32 each, and both whole
    slowest = {"strided": 60 / 2, "segments": 4 * 2 * 32 / 8, "whole": 120 / 2}
    for read, frames in slowest.items():
        assert stores["slow"].rates[read] < frames / DELAY < stores["raw"].rates[read]
        assert stores["slow"].ratios[read] < stores["raw"].ratios[read]
    assert set(found.bare) == {"source video", "source video, as RGB", f"{KEPT}'s images in memory"}
    assert min(found.bare.values()) > 0


def test_the_table_and_nothing_left_behind(source, tmp_path):
    found = profile_stores([source], find_candidates(["raw"]), repeats=1, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    lines = found.format().splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith(f"| **{KEPT}** | quality 95, 4:4:4 |")
    assert "1 clips, 60 frames, crops of 32 px, medians of 1, one thread, wall-clock" in lines[0]
    assert found.as_dict()["stores"][1]["name"] == "raw"


def test_cold_only_where_the_cache_can_be_emptied(source, tmp_path, monkeypatch):
    monkeypatch.setattr(store_profile, "dropped_from_cache", lambda path: False)
    found = profile_stores([source], find_candidates([KEPT]), repeats=1, folder=tmp_path)
    assert "strided, cold" not in found.stores[0].rates
    assert "could not be dropped" in found.about
    assert found.stores[0].row().endswith("| – |")


def test_a_file_in_use_is_dropped_or_said_not_to_be(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(1 << 20))
    if not dropped_from_cache(path):
        pytest.skip("this file system keeps its cache")
    path.read_bytes()
    handle = os.open(path, os.O_RDONLY)
    assert os.preadv(handle, [bytearray(1)], 1 << 19, os.RWF_NOWAIT) == 1
    os.close(handle)


def test_no_repeats(source):
    with pytest.raises(ValueError, match="repeats: expected 1 or more, got 0"):
        profile_stores([source], find_candidates([KEPT]), repeats=0)


GOOD = StoreFigures(
    "good",
    "JPEGs",
    "",
    size=6000,
    psnr=44.0,
    rates={"write": 1, "strided": 900, "segments": 1000, "whole": 2000},
    ratios={"strided": 0.8, "segments": 1.0, "whole": 1.1},
)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, None),
        ({"psnr": None}, None),
        ({"ratios": {**GOOD.ratios, "segments": 0.7}}, "segments 0.70"),
        ({"psnr": 39.9}, "39.9 dB"),
        ({"size": 150_000}, "150 kB a frame"),
    ],
)
def test_what_keeps_a_store_out(change, fault):
    store = replace(GOOD, **change)
    assert store.faults() == ([] if fault is None else [fault])


def test_the_fastest_in_training_wins():
    faster = replace(GOOD, name="faster", rates={**GOOD.rates, "strided": 950})
    large = replace(GOOD, name="large", size=1e6, rates={**GOOD.rates, "strided": 9999})
    verdict = store_profile.StoreProfile("", {}, (GOOD, faster, large)).verdict()
    assert verdict.endswith("faster (JPEGs) 950, good (JPEGs) 900. Out: large (1000 kB a frame).")
    kept = store_profile.StoreProfile("", {}, (replace(GOOD, name=KEPT),)).verdict()
    assert kept.endswith(f"Out: none. Kept: {KEPT}, at 0.80 of bare decoding or more.")


def test_candidates_have_names_of_their_own():
    assert all(name == candidate.name for name, candidate in CANDIDATES.items())
