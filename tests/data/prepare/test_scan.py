"""The text of --scan."""

import re
import shutil
import time
from pathlib import Path

import pytest

from adabench.data.corpora import Avec2014Reader, find_reader
from adabench.data.prepare import PrepareSettings
from adabench.data.prepare.scan import scan_text
from adabench.synthface import SynthfaceParameters, generate
from adabench.synthface.writing.layouts import write_openface, write_table

SETTINGS = PrepareSettings()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    parameters = SynthfaceParameters(
        seed=6, sessions=4, every_level=True, fps=15, seconds=(1.0, 1.1)
    )
    return generate(parameters, tmp_path_factory.mktemp("source"), progress=False)


@pytest.fixture
def raw(source, tmp_path):
    shutil.copytree(source, tmp_path / "raw")
    return tmp_path / "raw"


def table_of(text):
    """The counts in the text, by row and column."""
    lines = [line.split("  ") for line in text.splitlines()]
    lines = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    start = next(index for index, line in enumerate(lines) if line[:1] == ["found"])
    header = lines[start]
    return {line[0]: dict(zip(header, line, strict=True)) for line in lines[start + 1 : start + 5]}


def test_a_whole_corpus(raw, tmp_path):
    text = scan_text(find_reader("synthface"), raw, SETTINGS, out=tmp_path / "out")
    counts = table_of(text)
    for split in ("train", "dev", "test"):
        assert [counts[split][name] for name in ("clips", "Freeform", "sessions", "labels")] == [
            "8",
            "4",
            "4",
            "4",
        ]
    assert counts["all"]["clips"] == "24"
    assert int(counts["all"]["persons"]) < 12
    assert "persons are in more than one split; --audit tells" in text
    assert "left out: nothing" in text
    assert "free of a licence" in text
    assert re.search(r"frames: about (3[6-9]\d) in 2\d s \(by the headers of 24 of 24 videos", text)
    assert "an estimate: 2,920 bytes a frame" in text
    out = tmp_path / "out"
    assert text.endswith(f"python tools/prepare.py synthface --src {raw} --out {out} --size 64")
    assert not (tmp_path / "out").exists()


def test_what_is_missing_and_wrong(raw):
    for path in (raw / "Testing").rglob("*.mp4"):
        path.unlink()
    videos = sorted((raw / "Training" / "Freeform").iterdir())
    videos[0].unlink()
    videos[1].write_bytes(b"no video")
    (videos[2].parent / "interview.mp4").write_bytes(b"")
    labels = raw / "AVEC2014_DepressionLabels" / "Development_DepressionLabels"
    next(labels.iterdir()).write_text("64")
    (raw / "synthface.json").unlink()
    text = scan_text(find_reader("synthface"), raw, SETTINGS)
    assert table_of(text)["train"]["Freeform"] == "3"
    assert table_of(text)["dev"]["labels"] == "3"
    assert "no clip in split test" in text
    session = videos[0].name.rsplit("_", 2)[0]
    assert f"1 sessions without a clip of task Freeform: {session}" in text
    assert "left out: 8" in text
    assert "  no_video: 4\n" in text
    assert "    and 1 more" in text
    assert "  no_label: 2\n" in text
    assert "  bad_name: 1\n    Training/Freeform/interview.mp4: " in text
    assert "  no_record: 1\n" in text
    assert "can't be opened, and would be left out too: 1\n" in text
    assert str(videos[1]) in text


def test_no_right_label_is_told(raw):
    labels = {path.read_text().strip() for path in raw.rglob("*_Depression.csv")}
    for path in raw.rglob("*_Depression.csv"):
        path.write_text("7")
    assert len(labels) > 3
    sevens = scan_text(find_reader("avec2014"), raw, SETTINGS)
    for path in raw.rglob("*_Depression.csv"):
        path.write_text("42")
    assert scan_text(find_reader("avec2014"), raw, SETTINGS) == sevens
    assert "under licence" in sevens


def test_options_come_back_in_the_command(raw, tmp_path):
    labels = (raw / "AVEC2014_DepressionLabels").rename(tmp_path / "my labels")
    settings = PrepareSettings(size=112, detect_every=2)
    reader = find_reader("avec2014", labels=labels, tasks=["Freeform"])
    text = scan_text(reader, raw, settings, layout=Path("my.toml"))
    assert text.endswith(
        f"python tools/prepare.py avec2014 --src {raw} --out data/avec2014 --size 112 "
        f"--detect-every 2 --labels '{labels}' --layout my.toml"
    )
    assert text.count("Northwind") == 0
    assert "store crops of 112 px in data/avec2014" in text
    assert "--layout LAYOUT" in scan_text(reader, raw, settings)


def test_openface(source, tmp_path):
    root = write_openface(source, tmp_path / "openface", image="jpg")
    reader = find_reader("synthface", openface=root)
    text = scan_text(reader, root, PrepareSettings(source="openface"))
    assert "would take OpenFace's aligned faces" in text
    assert "counted in 24 of 24 folders of images" in text
    assert text.endswith(f"--out data/synthface --size 64 --openface {root}")


def test_table(source, tmp_path):
    root = write_table(source, tmp_path / "table")
    reader = find_reader("table", name="mine")
    text = scan_text(reader, root, SETTINGS, layout=Path("t.json"))
    assert text.startswith("mine in ")
    assert text.endswith(f"prepare.py table --src {root} --out data/mine --size 64 --layout t.json")


def test_nothing_to_prepare(raw):
    for path in raw.rglob("*_Depression.csv"):
        path.unlink()
    text = scan_text(find_reader("synthface"), raw, SETTINGS)
    assert "nothing: there is no clip to prepare" in text
    assert "  no_label: 24" in text


def test_no_corpus(tmp_path):
    with pytest.raises(FileNotFoundError, match="is empty"):
        scan_text(Avec2014Reader(), tmp_path, SETTINGS)


def test_a_corpus_as_large_as_avec_2014_with_openface_is_quick(tmp_path):
    """300 clips whose folders of images are many; a look at each image would take minutes."""
    root = tmp_path / "raw"
    for number in range(150):
        split = ("Training", "Development", "Testing")[number % 3]
        session = f"{200 + number}_1"
        (root / "labels").mkdir(parents=True, exist_ok=True)
        (root / "labels" / f"{session}_Depression.csv").write_text("5")
        for task in ("Freeform", "Northwind"):
            folder = root / split / task / f"{session}_{task}_video_aligned"
            folder.mkdir(parents=True)
            folder.with_name(f"{session}_{task}_video.csv").write_text("frame\n")
            for image in range(20):
                (folder / f"frame_det_00_{image:06d}.bmp").touch()
    begin = time.monotonic()
    text = scan_text(
        find_reader("avec2014", openface=root), root, PrepareSettings(source="openface")
    )
    assert time.monotonic() - begin < 20
    assert "frames: about 6,000" in text
