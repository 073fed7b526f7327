"""A long video is prepared and read in the memory that a short one takes."""

import json
import os
import subprocess
import sys

import av
import pytest

from adabench.synthface.parameters import SynthfaceParameters
from adabench.synthface.writing.corpus import corpus_jobs

SECONDS = 30

# in a process of its own, whose peak is that of this work; nothing is read whole, since an array of
# all frames is as long as the clip
WORK = """
import json, sys
from pathlib import Path
from adabench.data.corpora import SourceClip
from adabench.data.prepare import PrepareSettings
from adabench.data.prepare.clip import ClipJob, prepare_clip
from adabench.data.store import JpegPack

video, out = Path(sys.argv[1]), Path(sys.argv[2])
# not getrusage's, which counts what the process was before it ran this: the one that runs the tests
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
clip = SourceClip("long", "201", "201_1", "Freeform", "train", video, 10)
start = peak()
note = prepare_clip(ClipJob(clip, video.parent, out, PrepareSettings()))
prepared = peak()
store = JpegPack(out / "faces" / "long.jpegs")
count = len(store)
store.read(range(0, count, count // 50))
for first in range(0, count - 32, 32):
    store.read(range(first, first + 32))
print(json.dumps({
    "status": note.status, "frames": count, "start": start, "prepared": prepared, "read": peak()
}))
"""


def repeated(source, path, times):
    """The packets of a video again and again, with the time going on: a long video, made at once."""
    with av.open(str(source)) as given, av.open(str(path), "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        packets = [(p.pts, p.dts, p.is_keyframe, bytes(p)) for p in given.demux(video=0) if p.size]
        base, length = given.streams.video[0].time_base, given.streams.video[0].duration
        for turn in range(times):
            for pts, dts, is_keyframe, content in packets:
                packet = av.Packet(content)
                packet.stream, packet.time_base, packet.is_keyframe = stream, base, is_keyframe
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                made.mux(packet)
    return path


def peaks(video, out):
    """Peak memory of preparing and reading a video, and what came of it."""
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(video), str(out)],
        capture_output=True,
        text=True,
        timeout=3500,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A drawn clip of half a minute, by frame rate."""

    def make(fps):
        root = tmp_path_factory.mktemp("clip")
        parameters = SynthfaceParameters(
            seed=7, sessions=4, fps=fps, seconds=(float(SECONDS), float(SECONDS))
        )
        job = corpus_jobs(parameters)[0]
        job.write(root)
        return root / job.video

    return make


def check(clip, tmp_path, fps, short, long, most):
    source = clip(fps)
    found = {}
    for name, seconds in (("short", short), ("long", long)):
        video = repeated(source, tmp_path / f"{name}.mp4", seconds // SECONDS)
        found[name] = peaks(video, tmp_path / name)
        assert found[name]["status"] == "ok", found[name]
        assert found[name]["frames"] == seconds * fps
    for what in ("prepared", "read"):
        assert found["long"][what] <= most * found["short"][what], found


def test_five_minutes_in_the_memory_of_half_a_minute(clip, tmp_path):
    # strict, since what grows here is a fortieth of what it would be in fifty minutes
    check(clip, tmp_path, fps=8, short=30, long=300, most=1.04)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_fifty_minutes_in_the_memory_of_one(clip, tmp_path):
    check(clip, tmp_path, fps=30, short=60, long=3000, most=1.2)
