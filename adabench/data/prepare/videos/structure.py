"""What the parts of a container file tell that FFmpeg does not: a missing end, cropped pictures."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from adabench.data.prepare.videos.display import Crop

QUICKTIME = (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip")
"""The boxes that an MP4 or a QuickTime file may begin with."""

_BOX_HEADER, _LIST_HEADER, _LONG_HEADER = 8, 12, 16
# boxes whose end a file may not lack: an index of fragments, say, costs no picture
_PICTURES = (b"moov", b"moof", b"mdat")
_ASF_FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_BROADCAST = 1
_HEAD = 1 << 16
_WEBP_ANIMATION = 2
_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_TRACKS, _TRACK, _VIDEO = 0x1654AE6B, 0xAE, 0xE0
# elements in which others lie, and those that are known in them
_NESTED = {
    _SEGMENT: frozenset(
        (0x114D9B74, 0x1549A966, _TRACKS, _CLUSTER, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469)
    ),
    _CLUSTER: frozenset((0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854)),
}
_FILLING = frozenset((0xEC, 0xBF))
# in the order of Crop
_CROPS = (0x54CC, 0x54BB, 0x54DD, 0x54AA)
# of a video's entry in a QuickTime index, before its further boxes
_SAMPLE_ENTRY = 78


class Part(NamedTuple):
    """A part of a file: a box, chunk or element.

    Attributes:
        name: four letters, or an element's number.
        start: the first byte of its content.
        stop: the byte after it, by what the part says; perhaps beyond the file.
    """

    name: bytes | int
    start: int
    stop: int


def bytes_missing(path: Path) -> int:
    """How many bytes a video file lacks at its end by its own account; 0 where that tells nothing.

    Raises:
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if head[4:8] in QUICKTIME:
            pictures = (part for part in boxes(file, 0, size) if part.name in _PICTURES)
            wanted = max((part.stop for part in pictures), default=0)
        elif head.startswith(b"RIFF"):
            wanted = max((_end(file, part, size) for part in _chunks(file, size)), default=0)
        elif head.startswith(_EBML.to_bytes(4, "big")):
            segments = (part for part in _elements(file, 0, size) if part.name == _SEGMENT)
            wanted = max((part.stop for part in segments), default=0)
        else:
            wanted = _stated_size(head)
    return max(0, wanted - size)


def asf_seconds(path: Path) -> float:
    """How long a Windows Media file lasts by its header, 0 where it doesn't say.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    at = head.find(_ASF_FACTS)
    if at < 0 or len(head) < at + 92:
        return 0.0
    played, waited, flags = struct.unpack_from("<Q8xQI", head, at + 64)
    return 0.0 if flags & _ASF_BROADCAST else max(0.0, played / 1e7 - waited / 1e3)


def boxes(file: BinaryIO, start: int, stop: int) -> Iterator[Part]:
    """The boxes of MP4 or QuickTime between two bytes of a file."""
    while start + _BOX_HEADER <= stop:
        file.seek(start)
        header = file.read(_LONG_HEADER)
        length, least = int.from_bytes(header[:4], "big"), _BOX_HEADER
        if length == 1:
            length, least = int.from_bytes(header[8:], "big"), _LONG_HEADER
        elif length == 0:
            length = stop - start
        if length < least:
            return
        yield Part(header[4:8], start + least, start + length)
        start += length


def is_sound_matroska(path: Path) -> bool:
    """Whether a Matroska file's elements fill it without a gap and are all known.

    Raises:
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        segment = next((part for part in _elements(file, 0, size) if part.name == _SEGMENT), None)
        return segment is not None and segment.stop <= size and _is_filled(file, segment)


def _is_filled(file: BinaryIO, parent: Part) -> bool:
    end = parent.start
    for part in _elements(file, parent.start, parent.stop):
        known = part.name in _NESTED[int(parent.name)] or part.name in _FILLING
        if not known or part.stop > parent.stop:
            return False
        if part.name in _NESTED and not _is_filled(file, part):
            return False
        end = part.stop
    return end == parent.stop


def stored_crop(path: Path, number: int, track: int) -> Crop:
    """How a container says that pictures are to be cropped, beyond what their coding says.

    Args:
        path: the file.
        number: of the stream among those of moving pictures, for Matroska.
        track: its identity, for MP4 and QuickTime.

    Raises:
        OSError: the file can't be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_BOX_HEADER)
        if head.startswith(_EBML.to_bytes(4, "big")):
            return _matroska_crop(file, size, number)
        if head[4:8] in QUICKTIME:
            return _aperture(file, size, track)
    return Crop()


def _chunks(file: BinaryIO, size: int) -> Iterator[Part]:
    """The outermost chunks of an AVI; a recorder that was ended leaves their lengths open."""
    start = 0
    while start + _BOX_HEADER <= size:
        file.seek(start)
        name, length = struct.unpack("<4sI", file.read(_BOX_HEADER))
        if name != b"RIFF" or length in (0, 0xFFFFFFFF):
            return
        end = start + _BOX_HEADER + length
        yield Part(name, start + _BOX_HEADER, end)
        start = end + length % 2


def _end(file: BinaryIO, riff: Part, size: int) -> int:
    """Where a chunk of an AVI ends: with its list of pictures, if that is whole.

    Behind it an index comes, and what a length says that was never corrected.
    """
    start = riff.start + 4
    while riff.stop > size and start + _LIST_HEADER <= size:
        file.seek(start)
        name, length, kind = struct.unpack("<4sI4s", file.read(_LIST_HEADER))
        start += _BOX_HEADER + length
        if (name, kind) == (b"LIST", b"movi") and length > len(kind) and start <= size:
            return start
        start += length % 2
    return riff.stop


def is_animated_webp(path: Path) -> bool:
    """Whether a WebP file says that it holds several pictures.

    Raises:
        OSError: the file can't be read.
    """
    with path.open("rb") as file:
        head = file.read(_LONG_HEADER + 5)
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _WEBP_ANIMATION)


def _elements(file: BinaryIO, start: int, stop: int) -> Iterator[Part]:
    """The elements of Matroska between two bytes; one of open length ends where its parent does."""
    while start < stop:
        file.seek(start)
        header = file.read(_LONG_HEADER)
        name, used = _number(header, marked=True)
        length, more = _number(header[used:], marked=False)
        if not used or not more:
            return
        start += used + more
        end = stop if length == (1 << 7 * more) - 1 else start + length
        yield Part(name, start, end)
        start = end


def _number(content: bytes, *, marked: bool) -> tuple[int, int]:
    """A number of one to eight bytes, the first of which tells how many, and their count."""
    if not content or not content[0]:
        return 0, 0
    count = 9 - content[0].bit_length()
    if count > len(content):
        return 0, 0
    value = int.from_bytes(content[:count], "big")
    return value if marked else value & ((1 << 7 * count) - 1), count


def _stated_size(head: bytes) -> int:
    """The size that the head of a Windows Media or a Flash file states, 0 without one."""
    if (at := head.find(_ASF_FACTS)) >= 0 and len(head) >= at + 92:
        size, flags = struct.unpack_from("<Q40xI", head, at + 40)
        return 0 if flags & _ASF_BROADCAST else int(size)
    mark = b"filesize\0"
    if head.startswith(b"FLV") and 0 <= (at := head.find(mark)) <= len(head) - 17:
        return int(struct.unpack_from(">d", head, at + len(mark))[0])
    return 0


def _inside(file: BinaryIO, part: Part, names: Sequence[bytes]) -> Part | None:
    """The first box below ``part`` by the names of those that lead to it."""
    for name in names:
        found = next((box for box in boxes(file, part.start, part.stop) if box.name == name), None)
        if found is None:
            return None
        part = found
    return part


def _aperture(file: BinaryIO, size: int, track: int) -> Crop:
    whole = _inside(file, Part(b"", 0, size), [b"moov"])
    for trak in boxes(file, whole.start, min(whole.stop, size)) if whole else ():
        head = _inside(file, trak, [b"tkhd"]) if trak.name == b"trak" else None
        table = _inside(file, trak, [b"mdia", b"minf", b"stbl", b"stsd"]) if head else None
        if head is None or table is None or _track(file, head) != track:
            continue
        entry = next(boxes(file, table.start + _BOX_HEADER, table.stop), None)
        if entry is None:
            continue
        file.seek(entry.start)
        fields = file.read(_SAMPLE_ENTRY)
        within = Part(b"", entry.start + _SAMPLE_ENTRY, entry.stop)
        clean = _inside(file, within, [b"clap"])
        if clean is None or len(fields) < _SAMPLE_ENTRY:
            continue
        file.seek(clean.start)
        width, height = struct.unpack_from(">HH", fields, 24)
        return _around(width, height, file.read(32))
    return Crop()


def _track(file: BinaryIO, head: Part) -> int:
    file.seek(head.start)
    content = file.read(24)
    at = 20 if content[:1] == b"\1" else 12
    return int.from_bytes(content[at : at + 4], "big")


def _around(width: int, height: int, content: bytes) -> Crop:
    """What lies around a clean aperture, whose width, height and offset are fractions."""
    if len(content) < 32:
        return Crop()
    numbers = struct.unpack(">IIIIiIiI", content)
    if not all(numbers[1::2]):
        return Crop()
    wide, high, right, down = (numbers[i] / numbers[i + 1] for i in (0, 2, 4, 6))
    if not (0 < wide <= width and 0 < high <= height):
        return Crop()
    left, top = round((width - wide) / 2 + right), round((height - high) / 2 + down)
    if left < 0 or top < 0 or left + wide > width or top + high > height:
        return Crop()
    return Crop(left, top, width - left - round(wide), height - top - round(high))


def _matroska_crop(file: BinaryIO, size: int, number: int) -> Crop:
    videos = list(_videos(file, size))
    if number >= len(videos):
        return Crop()
    found = dict.fromkeys(_CROPS, 0)
    for part in _elements(file, videos[number].start, videos[number].stop):
        if part.name in found:
            file.seek(part.start)
            found[int(part.name)] = int.from_bytes(file.read(min(8, part.stop - part.start)), "big")
    return Crop(*found.values())


def _videos(file: BinaryIO, size: int) -> Iterator[Part]:
    """The descriptions of a Matroska file's tracks of moving pictures."""
    segment = next((part for part in _elements(file, 0, size) if part.name == _SEGMENT), None)
    for part in _elements(file, segment.start, min(segment.stop, size)) if segment else ():
        if part.name == _CLUSTER:
            return
        for track in _elements(file, part.start, part.stop) if part.name == _TRACKS else ():
            for field in _elements(file, track.start, track.stop) if track.name == _TRACK else ():
                if field.name == _VIDEO:
                    yield field
