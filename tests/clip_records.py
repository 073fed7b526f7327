"""A factory of manifest rows, so that a test names only what it is about."""

import hashlib

from adabench.data.manifest import ClipRecord


def clip_record(session="201_1", task="Freeform", *, salt="", **changes):
    """A row whose person and names follow from session and task; ``salt`` makes it another video."""
    name = f"{session}_{task}" if task else session
    fields = {
        "clip": name,
        "subject": session.split("_")[0],
        "session": session,
        "task": task,
        "split": "train",
        "score": 7,
        "fps": 15.0,
        "frames": 4,
        "face_rate": 1.0,
        "source": f"{name}.mp4",
        "source_sha256": hashlib.sha256((salt + name).encode()).hexdigest(),
    }
    return ClipRecord(**{**fields, **changes})
