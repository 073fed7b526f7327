"""What a decoded clip is worth: the words for its state, and which of them keep it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from adabench.data.prepare.detection.quality import FaceQuality, of_faces
from adabench.data.prepare.videos.decode import Video

OK = "ok"

SUSPICIOUS = {
    "short": "some frames are missing",
    "damaged_frames": "some frames were restored only in part",
    "several_streams": "several videos in one file, of which one was taken",
    "several_faces": "OpenFace numbered several faces",
    "variable_rate": "frames come at no steady rate; times within the clip are approximate",
    "pause": "nothing was recorded for a while",
    "odd_rate": "a frame rate that no camera has",
    "assumed_rate": "a frame rate that no file tells: the corpus's or FFmpeg's",
    "few_faces": "a face in few of the frames looked at",
    "other_faces": "somebody else's face beside the one that was followed",
    "turned_face": "faces lie on their side or upside down, and were turned upright",
    "tilted": "faces are tilted, and were cut as they are",
    "interlaced": "frames that hold the lines of two moments, and are kept so",
    "hdr": "made for HDR screens, and kept without mapping its colours",
    "mirrored": "mirrored, as the container says",
    "rotated": "turned upright, as the container says",
    "stretched": "pixels that are not square, stretched as players do",
    "cropped": "edges cut off, as the container says",
    "wrong_suffix": "the file is another kind of video than its name says",
}
"""Status words of clips that are kept, and worth a look: the most serious first."""

LEFT_OUT = {
    "empty": "the file has no content",
    "not_a_video": "the file is something else than a video",
    "audio_only": "sound without pictures",
    "unknown_codec": "pictures that FFmpeg can't decode",
    "damaged": "none or too few of the frames can be decoded whole",
    "truncated": "much of the video is missing",
    "unreadable": "the file can't be read",
    "no_face": "no face was found",
    "bad_signals": "the signals don't fit the frames",
    "timeout": "no new frame came for too long",
    "crashed": "the process that prepared it died",
    "failed": "an error of a library",
    "no_openface": "OpenFace left no output of it, or a part of it is missing",
    "no_images": "OpenFace left no aligned faces of it",
    "bad_openface": "OpenFace's output is damaged or of another clip",
    "no_source": "neither a video nor OpenFace's output",
    "bad_name": "a name that can't be used",
    "bad_label": "a label that can't be used",
    "no_label": "no usable label",
    "no_video": "a label without a video",
    "duplicate": "found more than once",
    "bad_row": "a row of the table that can't be read",
    "bad_path": "a path that leads nowhere",
    "bad_session": "the rows of a session disagree",
    "bad_split": "a split that doesn't exist",
    "bad_trait": "a sex, an age or a group of a person that can't be read",
}
"""Status words of what is left out."""

REMARKS = {
    "no_subject": "persons are not told, so that splits may share some",
    "no_split": "splits are not told",
    "one_person": "spellings of one name, taken for one person",
    "which_person": "names that may be one person's, left apart",
    "unknown_column": "a column that is not read",
    "openface_video": "perhaps not the original video",
    "no_record": "the generator's record is missing or damaged",
}
"""Status words of what readers of corpora remark; it costs no clip."""

Finding = tuple[str, str]
"""A status word and what was found."""

TRUNCATED = 0.95
"""A clip with a smaller share of its frames is left out; one that lacks any is suspicious."""
WHOLE = 0.95
"""A clip with a smaller share of frames that were decoded without an error is left out."""
FEW_FACES = 0.5
"""A clip with a smaller face rate is suspicious."""
SLOWEST, FASTEST = 1.0, 240.0
"""Frames per second that a recording may have."""

# what a suffix promises, by FFmpeg's names of containers
_CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4,m4v",
    ".mov": "mov",
    ".avi": "avi",
    ".mkv": "matroska",
    ".webm": "webm",
    ".wmv": "asf",
}


def kept(status: str) -> bool:
    """Whether a clip of this status belongs to the prepared corpus."""
    return status == OK or status in SUSPICIOUS


def meaning(status: str) -> str:
    """What a status word says, for people; empty for one that is not known here."""
    return {**SUSPICIOUS, **LEFT_OUT, **REMARKS}.get(status, "")


def judge(
    video: Video, frames: int, face_rate: float, quality: FaceQuality | None = None
) -> tuple[str, str]:
    """Status and detail of a clip that was decoded.

    Args:
        video: after a full pass over its frames.
        frames: how many there were.
        face_rate: share of the frames looked at in which a face was found, 0 to 1.
        quality: how well it was seen.
    """
    seen = () if quality is None else of_faces(quality)
    found = [*of_video(video, frames), *of_clip(video.fps, face_rate), *seen]
    return settle(video.path, found)


def settle(source: Path, findings: Iterable[Finding]) -> tuple[str, str]:
    """Status and detail of a clip: the most serious word of what was found, and all of it."""
    found = list(findings)
    if not found:
        return OK, ""
    order = ("truncated", "damaged", *SUSPICIOUS)
    found.sort(key=lambda finding: order.index(finding[0]))
    return found[0][0], f"{source}: {'; '.join(detail for _, detail in found)}"


def of_clip(fps: float, face_rate: float) -> Iterator[Finding]:
    """What is odd about any clip, wherever its faces come from; arguments as of :func:`judge`."""
    if not SLOWEST <= fps <= FASTEST:
        yield "odd_rate", f"it states {fps:.6g} frames per second; times can't be trusted"
    if face_rate < FEW_FACES:
        yield "few_faces", f"a face in only {face_rate:.0%} of the frames looked at"


def of_video(video: Video, frames: int) -> Iterator[Finding]:
    """What is odd about a video, after a full pass over its ``frames``."""
    if video.lost or video.broken:
        share = frames / (frames + video.lost)
        told = f"{frames} of {frames + video.lost} frames can be decoded"
        cause = f" ({video.broken})" if video.broken else ""
        yield ("truncated" if share < TRUNCATED else "short"), told + cause
    if video.damaged:
        status = "damaged" if 1 - video.damaged / frames < WHOLE else "damaged_frames"
        yield status, f"{video.damaged} of {frames} frames could be restored only in part"
    if video.others:
        yield "several_streams", video.others
    yield from of_times(video.variable_rate, video.spacing, video.pauses, video.fps)
    yield from _of_pictures(video, frames)
    if video.assumed_rate:
        told = (
            f"no file tells its frames per second: FFmpeg's {video.fps:.4g} are taken; give it as "
        )
        yield "assumed_rate", told + "an MP4 or the like, which tells them, to mend that"
    suffix = Path(video.path).suffix.lower()
    promised = _CONTAINERS.get(suffix, video.format).split(",")
    if not set(promised) & set(video.format.split(",")):
        yield "wrong_suffix", f"its name ends with {suffix}, but it is {video.format}"


def of_times(
    variable: bool, spacing: tuple[float, float] | None, pauses: tuple[int, float], fps: float
) -> Iterator[Finding]:
    """What is odd about when a clip's frames are shown; arguments as attributes of a `Video`."""
    if variable and spacing is not None:
        low, high = spacing
        yield (
            "variable_rate",
            f"its frames are {1000 * low:.0f} to {1000 * high:.0f} ms apart; each is kept once and "
            f"counts as 1/{fps:.4g} s, so times within the clip are approximate",
        )
    count, seconds = pauses
    if count:
        times = "once" if count == 1 else f"{count} times"
        yield "pause", f"it pauses {times}, for {seconds:.1f} s in all, which are left out"


def _of_pictures(video: Video, frames: int) -> Iterator[Finding]:
    if video.interlaced > frames / 2:
        yield (
            "interlaced",
            f"{video.interlaced} of {frames} frames are interlaced: what moves has combed edges; "
            "deinterlace the video to mend that",
        )
    if video.hdr:
        yield "hdr", "its colours are HDR's and look washed out; convert it to SDR to mend that"
    shown = video.display
    if shown.mirrored:
        yield "mirrored", "left and right change places, as its container says"
    if shown.rotation:
        yield "rotated", f"turned by {shown.rotation} degrees, as its container says"
    shapes = [f"{shape.numerator}:{shape.denominator}" for shape in video.shapes]
    if any(shape != 1 for shape in video.shapes):
        yield "stretched", f"its pixels are {', then '.join(shapes)}, and stretched to squares"
    if any(shown.crop):
        left, top, right, bottom = shown.crop
        told = f"{left}, {top}, {right} and {bottom} pixels are cut off its edges"
        yield "cropped", f"{told} (left, top, right, bottom), as its container says"
