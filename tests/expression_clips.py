"""A data folder where expression clips are prepared: brightness and contrast of a frame are its labels."""

import numpy as np
from clip_records import clip_record

from adabench.config.experiment import Data
from adabench.config.generated import expression_parameters
from adabench.data.prepared import CorpusDescription, write_description
from adabench.data.store import JpegPack

SIZE = 32
COLUMNS = ["AU01", "AU12"]


def write_clip(root, name, split, random, frames):
    """A clip whose brightness and contrast are its two labels."""
    labels = random.random((frames, 2))
    noise = random.normal(size=(frames, SIZE, SIZE, 3))
    drawn = 60 + 120 * labels[:, :1, None, None] + 40 * labels[:, 1:, None, None] * noise
    JpegPack.write(root / "faces" / f"{name}.jpegs", drawn.clip(0, 255).astype(np.uint8))
    rows = [f"{i},{a:.4f},{b:.4f},0.5" for i, (a, b) in enumerate(labels)]
    (root / "signals").mkdir(exist_ok=True)
    (root / "signals" / f"{name}.csv").write_text("\n".join(["frame,AU01,AU12,AU45", *rows]) + "\n")
    return clip_record(name, "", subject=name, split=split, score=None, frames=frames)


def expression_data(folder, section, frames):
    """Write the clips of a stage's section, six persons to learn from and two others."""
    name = f"expressions-{expression_parameters(section).digest()}-{SIZE}px"
    root, random = folder / name, np.random.default_rng(0)
    splits = ["train"] * 6 + ["dev"] * 2
    records = [write_clip(root, f"{i}", split, random, frames) for i, split in enumerate(splits)]
    settings = {"size": SIZE}
    write_description(
        root, CorpusDescription("expressions", "expressions", False, settings, None), records
    )
    return Data(root=str(folder), size=99)
