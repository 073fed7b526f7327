"""Damaged inputs of every sort, made from a few good clips."""

import io
import os
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from adabench.synthface import SynthfaceParameters
from adabench.synthface.writing.corpus import corpus_jobs

SPLITS = ("Training", "Development", "Testing")
TASK = "Freeform"
SHAPES = {"end.mp4": {}, "front.mp4": {"movflags": "faststart"}, "clip.mkv": {}, "clip.avi": {}}


def good_clips(root):
    """Two clips in four containers each: (clip, container) -> the file's content."""
    parameters = SynthfaceParameters(
        seed=5, sessions=4, every_level=True, fps=15, seconds=(1.6, 1.6)
    )
    found = {}
    for number, job in enumerate(corpus_jobs(parameters)[:4:2]):
        (root / job.video).parent.mkdir(parents=True, exist_ok=True)
        job.write(root)
        for shape, options in SHAPES.items():
            path = root / f"{number}-{shape}"
            _copy_stream(root / job.video, path, options)
            found[number, shape] = path.read_bytes()
    return found


def _copy_stream(source, target, options):
    if target.suffix == ".avi":
        _write_avi(_pictures(source.read_bytes()), target)
        return
    with av.open(str(source)) as before, av.open(str(target), "w", options=options) as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        for packet in before.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                after.mux(packet)


def _write_avi(pictures, target):
    with av.open(str(target), "w") as container:
        stream = container.add_stream("mpeg4", rate=15, options={"qscale": "3"})
        stream.height, stream.width = pictures[0].shape[:2]
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _pictures(content):
    with av.open(io.BytesIO(content)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


class Raw:
    """A raw corpus in AVEC 2014's layout that takes in good and damaged inputs.

    Attributes:
        sure: what must be named in the report -> the names by which it may be.
        perhaps: clips that are damaged where it may not show -> the clip that they were made from.
        good: clips without damage -> the clip that they were made from.
        places: clips -> their videos.
    """

    def __init__(self, root, clips, seed=0):
        self.root, self.clips = root, clips
        self.random = random.Random(seed)
        self.sure, self.perhaps, self.good, self.places = {}, {}, {}, {}
        self.number = 300
        (root / "labels").mkdir(parents=True)
        (root / "synthface.json").write_text("{}")

    def __len__(self):
        return len(self.sure) + len(self.perhaps)

    def session(self, label="7\n"):
        """A new session with its label: its name and the folder of its video."""
        self.number += 1
        session = f"{self.number}_1"
        if label is not None:
            self.label(session, label)
        folder = self.root / SPLITS[self.number % 3] / TASK
        folder.mkdir(parents=True, exist_ok=True)
        return session, folder

    def label(self, session, content, folder="labels"):
        path = self.root / folder / f"{session}_Depression.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def video(self, suffix=".mp4", label="7\n"):
        """A new clip: its name and the place of its video."""
        session, folder = self.session(label)
        clip = f"{session}_{TASK}"
        self.places[clip] = folder / f"{clip}_video{suffix}"
        return clip, self.places[clip]

    def pick(self, *shapes):
        """One of the clips: its key and its content."""
        key = self.random.choice([key for key in self.clips if not shapes or key[1] in shapes])
        return key, self.clips[key]

    def write(self, suffix=".mp4", content=None, label="7\n"):
        """A clip that must be named, of the given content or a good one's."""
        clip, path = self.video(suffix, label)
        path.write_bytes(self.pick("end.mp4")[1] if content is None else content)
        self.sure[clip] = {clip}
        return clip, path


def add_good(raw, count=12):
    for _ in range(count):
        key, content = raw.pick()
        clip, path = raw.video(Path(key[1]).suffix)
        path.write_bytes(content)
        raw.good[clip] = key


def add_truncated(raw, count=50):
    for _ in range(count):
        key, content = raw.pick()
        clip, path = raw.video(Path(key[1]).suffix)
        path.write_bytes(content[: raw.random.randrange(1, len(content))])
        raw.perhaps[clip] = key


def add_flipped(raw, count=60):
    """Bits in the header, and single bytes and long stretches in the middle."""
    for number in range(count):
        key, content = raw.pick()
        clip, path = raw.video(Path(key[1]).suffix)
        damaged = bytearray(content)
        length = (0, 1, 10, 300)[number % 4]
        if length:
            begin = raw.random.randrange(len(content) // 4, len(content) // 2)
            damaged[begin : begin + length] = raw.random.randbytes(length)
        else:
            for place in raw.random.choices(range(*_header(content, key[1])), k=number % 20 + 1):
                damaged[place] ^= 1 << raw.random.randrange(8)
        path.write_bytes(damaged)
        raw.perhaps[clip] = key


def _header(content, shape):
    if shape.endswith(".mp4"):
        begin = content.index(b"moov") - 4
        return begin, begin + int.from_bytes(content[begin : begin + 4], "big")
    return 0, 700


def add_other_content(raw):
    for content in (b"no video\n" * 500, b"%PDF-1.7\n" * 90, b"PK\x03\x04" * 300, bytes(5000)):
        raw.write(content=content)
    raw.write(content=raw.random.randbytes(20_000))
    for suffix in (".mp4", ".avi", ".mkv", ".mov", ".webm"):
        raw.write(suffix, b"")


def add_wrong_suffix(raw):
    for suffix, shape in (
        (".avi", "end.mp4"),
        (".mkv", "front.mp4"),
        (".wmv", "clip.avi"),
        (".mp4", "clip.avi"),
        (".mov", "clip.mkv"),
    ):
        raw.write(suffix, raw.pick(shape)[1])


def add_sound(raw, count=5):
    for number in range(count):
        _, path = raw.write()
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            for _ in range(3 + number):
                sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
                sound.rate = 8000
                container.mux(stream.encode(sound))
            container.mux(stream.encode())


def add_no_files(raw):
    for number in range(11):
        _, path = raw.write()
        path.unlink()
        if number < 5:
            path.mkdir()
        elif number < 8:
            path.symlink_to("nowhere.mp4")
        elif number == 8:
            path.symlink_to(path.name)
        else:
            os.mkfifo(path)


def add_unreadable(raw, count=4):
    for _ in range(count):
        clip, path = raw.write()
        path.chmod(0)
        if os.geteuid() == 0:  # root reads everything
            raw.sure.pop(clip)
            path.unlink()
            add_truncated(raw, 1)


def add_unusual(raw):
    """A variable frame rate, and frames that are stored lying."""
    for rotation in (0, 0, 90, 180):
        clip, path = raw.video()
        upright = _pictures(raw.pick("end.mp4")[1])
        pictures = [np.ascontiguousarray(np.rot90(one, -rotation // 90)) for one in upright]
        times = np.cumsum(np.random.default_rng(raw.number).integers(30, 130, len(pictures)))
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=15, options={"bf": "0"})
            stream.height, stream.width = pictures[0].shape[:2]
            if rotation:
                stream.set_display_rotation(rotation)
            else:
                stream.codec_context.time_base = Fraction(1, 1000)
            for picture, milliseconds in zip(pictures, times.tolist(), strict=True):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                if not rotation:
                    frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        raw.sure[clip] = {clip}


ODD_NAMES = (
    "{session} _{task}_video",
    " {session}_{task}_video",
    "{session}_{task}_video (1)",
    "{session}_{task}_vidéo",
    "{session}_{task}_视频",
    "'{session}_{task}_video'",
    '"{session}_{task}_video"',
    "{session}_{task}_video; rm -rf x",
    "$(touch pwned)_{session}_{task}_video",
    "{session}_{task}_video\n",
    "{session}\t{task}_video",
    "\x1b[31m{session}_{task}_video",
    "-{session}_{task}_video",
    "--out={session}_{task}_video",
    "{session}_{task}_video.mp4",
    "{session}_{task}_" + "very_long_" * 18,
    "{session}",
    "%s%n{session}",
)


def add_odd_names(raw):
    for pattern in ODD_NAMES:
        session, folder = raw.session()
        path = folder / f"{pattern.format(session=session, task=TASK)}.mp4"
        path.write_bytes(raw.pick("end.mp4")[1])
        # by the file, or since its label has no video
        raw.sure[f"name {pattern!r}"] = {f"{session}_Depression.csv"}
    session, folder = raw.session()
    path = os.fsencode(folder) + b"/" + f"{session}_{TASK}".encode() + b"\xff_video.mp4"
    Path(os.fsdecode(path)).write_bytes(raw.pick("end.mp4")[1])
    raw.sure["name of other bytes"] = {f"{session}_Depression.csv"}
    session, folder = raw.session()
    (folder / f".{session}_{TASK}_video.mp4").write_bytes(b"hidden")
    raw.sure["hidden"] = {f"{session}_Depression.csv"}


ODD_LABELS = (
    "",
    " \n",
    "seven",
    "64",
    "-1",
    "3.5",
    "7.0",
    "NaN",
    "nan",
    "inf",
    "1e1",
    "1_0",
    "0x1f",
    "7\n8\n",
    "score\n7\n",
    "7,8",
    "7;",
    "9" * 5000,
    b"\xff\xfe7\x00",
    b"7\x00",
    b"\x00" * 50,
    "7".encode("utf-16"),
    "+7",
    "٧",
)


def add_odd_labels(raw):
    for content in ODD_LABELS:
        raw.write(label=content)
    raw.write(label=None)
    clip, _ = raw.write()
    raw.label(clip.removesuffix(f"_{TASK}"), "8\n", "labels2")
    for number in range(3):
        clip, _ = raw.write()
        path = raw.root / "labels" / f"{clip.removesuffix(f'_{TASK}')}_Depression.csv"
        path.unlink()
        if number == 0:
            path.mkdir()
        elif number == 1:
            path.symlink_to("nowhere.csv")
        else:
            path.with_suffix(".CSV~").write_text("7")
    for session in ("900_1", "901_1"):
        raw.label(session, "7\n")
        raw.sure[f"label {session}"] = {f"{session}_Depression.csv"}


def add_duplicates(raw, count=2):
    for _ in range(count):
        _, path = raw.write()
        other = next(split for split in SPLITS if split != path.parents[1].name)
        copy = raw.root / other / TASK / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())


def build(root, clips, count):
    """A raw corpus of twelve good clips and ``count`` damaged inputs."""
    raw = Raw(root, clips)
    for add in (
        add_good,
        add_flipped,
        add_other_content,
        add_wrong_suffix,
        add_sound,
        add_no_files,
        add_unreadable,
        add_unusual,
        add_odd_names,
        add_odd_labels,
        add_duplicates,
    ):
        add(raw)
    add_truncated(raw, count - len(raw))
    return raw
