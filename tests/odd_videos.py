"""Videos as cameras, phones, editors and web sites write them, small and in whatever container."""

import struct
from fractions import Fraction

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from skimage.metrics import peak_signal_noise_ratio

from adabench.data.prepare.judge import judge
from adabench.data.prepare.videos.decode import Video

FPS = 15


def looked(path):
    """A video after a pass, its frames' pixels, its status and what is told."""
    video = Video(path)
    frames = [frame.rgb() for frame in video.frames()]
    return video, frames, *judge(video, len(frames), 1.0)


def same(shown, expected, least=24):
    """Refuses pictures that are not those expected, to so many dB."""
    assert len(shown) == len(expected)
    for mine, theirs in zip(shown, expected, strict=True):
        assert mine.shape == theirs.shape
        assert peak_signal_noise_ratio(theirs, mine) > least


def still(width=96, height=64):
    """A picture whose corners differ, so that every turn and mirror shows."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    picture = np.stack([columns * 255 / width, rows * 255 / height, np.full_like(rows, 60)], -1)
    picture[: height // 3, : width // 4] = 255
    picture[-height // 5 :, -width // 6 :] = 0
    return picture.astype(np.uint8)


def moving(count, width=96, height=64):
    """Frames (N, H, W, 3), in each of which a bar is somewhere else."""
    frames = np.repeat(still(width=width, height=height)[None], count, axis=0)
    for number, frame in enumerate(frames):
        left = number * (width - 8) // max(count, 1)
        frame[height // 2 : height // 2 + 8, left : left + 8] = (250, 30, 200)
    return frames


def write(path, *streams, options=None):
    """Writes streams, each the arguments of :func:`_stream` as a dict, side by side."""
    with av.open(str(path), "w", options=options or {}) as container:
        made = [_stream(container, **stream) for stream in streams]
        packets = [
            packet for stream, frames, times in made for packet in _packets(stream, frames, times)
        ]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def _stream(
    container,
    frames,
    codec="libx264",
    fps=FPS,
    numbers=None,
    times=None,
    matrix=None,
    shape=None,
    default=None,
    transfer=None,
    **options,
):
    """A stream of ``frames``; their times are ``numbers`` of frames, or ``times`` in milliseconds."""
    stream = container.add_stream(codec, rate=Fraction(fps), options=options)
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = {"mjpeg": "yuvj420p", "huffyuv": "yuv422p"}.get(codec, "yuv420p")
    context = stream.codec_context
    context.time_base = Fraction(1, fps) if times is None else Fraction(1, 1000)
    if matrix is not None:
        stream.set_display_matrix(matrix)
    if shape is not None:
        context.sample_aspect_ratio = Fraction(shape)
    if default is not None:
        stream.disposition = av.stream.Disposition.default if default else av.stream.Disposition(0)
    if transfer is not None:
        context.color_trc = transfer
    return stream, frames, times or numbers or range(len(frames))


def _packets(stream, frames, times):
    for picture, time in zip(frames, times, strict=True):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = int(time), stream.codec_context.time_base
        yield from stream.encode(frame)
    yield from stream.encode()


def add_sound(container, stream, seconds):
    """Silence for so long."""
    for _ in range(round(seconds * 8000 / 1024)):
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), "s16", "mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
    container.mux(stream.encode())


def with_box(content, within, box):
    """An MP4 with ``box`` at the end of the box that the names ``within`` lead to, its index last."""
    content = bytearray(content)
    start, stop, sizes = 0, len(content), []
    for name in within:
        while content[start + 4 : start + 8] != name:
            start += int.from_bytes(content[start : start + 4], "big")
        sizes.append(start)
        stop = start + int.from_bytes(content[start : start + 4], "big")
        start += 8 + {b"stsd": 8, b"avc1": 78}.get(name, 0)
    for place in sizes:
        length = int.from_bytes(content[place : place + 4], "big") + len(box)
        content[place : place + 4] = length.to_bytes(4, "big")
    return bytes(content[:stop]) + box + bytes(content[stop:])


SAMPLE = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1")


def aperture(width, height, right, down):
    """A box that shows the inner part of a picture."""
    return struct.pack(">I4sIIIIiIiI", 40, b"clap", width, 1, height, 1, right, 1, down, 1)


def with_elements(content, numbers):
    """A Matroska file whose description of pictures has these elements too, of a byte each."""
    content = bytearray(content)
    # the writer leaves something empty behind that description: room for three
    at, room = content.index(bytes.fromhex("55ee8100ec01")), 15
    added = b"".join(
        name.to_bytes(2, "big") + bytes([0x81, value]) for name, value in numbers.items()
    )
    content[content.rindex(b"\xb0\x81", 0, at) - 1] += len(added)
    rest = room - len(added) - 2
    content[at : at + room] = added + bytes([0xEC, 0x80 + rest]) + bytes(rest)
    return bytes(content)


def with_edits(content, edits):
    """An MP4 with such an edit list: of each entry its length and where it begins, in frames; -1 is none."""
    unit = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)[0]
    entries = [
        struct.pack(
            ">IiI", length * 1000 // FPS, begin * unit // FPS if begin >= 0 else -1, 1 << 16
        )
        for length, begin in edits
    ]
    return with_table(content, (b"edts", b"elst"), entries)


def with_times(content, steps):
    """An MP4 whose samples last so long, in its own unit."""
    entries = [struct.pack(">II", 1, step) for step in steps]
    return with_table(content, (b"mdia", b"minf", b"stbl", b"stts"), entries)


def with_table(content, within, entries):
    """An MP4 whose last box of ``within`` holds these entries; its index comes last."""
    content, new = bytearray(content), b"".join(entries)
    at = content.index(within[-1]) - 4
    old = int.from_bytes(content[at : at + 4], "big") - 16
    for name in (b"moov", b"trak", *within):
        place = content.index(name) - 4
        length = int.from_bytes(content[place : place + 4], "big") + len(new) - old
        content[place : place + 4] = length.to_bytes(4, "big")
    content[at + 12 : at + 16 + old] = len(entries).to_bytes(4, "big") + new
    return bytes(content)


def rewritten(path, name, options):
    """A raw H.264 stream beside ``path``, another one, with what a filter of FFmpeg's writes into it."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        change = BitStreamFilterContext(f"h264_metadata={options}", stream)
        whole = [packet for packet in container.demux(stream) if packet.size]
        parts = [part for packet in (*whole, None) for part in change.filter(packet)]
        made = path.with_name(name)
        made.write_bytes(b"".join(map(bytes, parts)))
    return made
