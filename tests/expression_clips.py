"""Expression clips whose labels are a frame's brightness and contrast, and stages that learn from them."""

import numpy as np
from clip_records import clip_record
from tiny_runs import context_of

from adabench.config.experiment import Data, Experiment
from adabench.config.fields.generated import expression_parameters
from adabench.data.prepared import CorpusDescription, write_description
from adabench.data.store import JpegPack
from adabench.registry import STAGES

SIZE = 32
COLUMNS = ["AU01", "AU12"]
TRUNK = {
    "type": "TimmFrames",
    "name": "resnet18",
    "scales": 1,
    "options": {"channels": [8, 8, 16, 16], "stem_width": 8},
}
TRAINING = {
    "epochs": 2,
    "batch_size": 8,
    "optimiser": {"type": "AdamW", "lr": 3e-3},
    "threads": 1,
}


def stage_config(kind, **own):
    """The config of a stage of this type, with what is its own."""
    shared = {"expressions": {"preset": "tiny", "seed": 11}, "columns": COLUMNS, "size": SIZE}
    return {"type": kind, **shared, "training": TRAINING, **own}


def built(config):
    """The stage of a config."""
    return STAGES.build(dict(config))


def run_on(data, **changes):
    """What a stage is told of a run on this data."""
    run = Experiment(name="run", method={"name": "method"}, track="demo", data=data)
    return context_of(run.model_copy(update=changes))


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
    name = f"expressions-{expression_parameters(section).digest()}-{SIZE}px-mtcnn-box"
    root, random = folder / name, np.random.default_rng(0)
    splits = ["train"] * 6 + ["dev"] * 2
    records = [write_clip(root, f"{i}", split, random, frames) for i, split in enumerate(splits)]
    settings = {"size": SIZE}
    write_description(
        root, CorpusDescription("expressions", "expressions", False, settings, None), records
    )
    return Data(root=str(folder), size=99)
