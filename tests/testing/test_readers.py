"""A corpus reader's contract: our own hold it, planted faults are named, a plugin's goes end to end."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from adabench.cli.prepare import command
from adabench.data.corpora import CorpusReader, Scan, SourceClip, find_reader
from adabench.data.corpora.base import check_root
from adabench.data.prepared import PreparedCorpus
from adabench.data.tracks import TRACKS, Track, get_track, register_track
from adabench.registry import CORPORA
from adabench.synthface import SynthfaceParameters, generate
from adabench.synthface.writing.layouts import write_avec2013, write_table
from adabench.testing import ContractError, check_reader, report_reader


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A small generated corpus."""
    parameters = SynthfaceParameters(
        seed=3, sessions=4, every_level=True, fps=15, seconds=(1.0, 1.0)
    )
    return generate(parameters, tmp_path_factory.mktemp("raw"), progress=False)


@pytest.mark.parametrize("name", ["avec2014", "avec2013", "table", "synthface", "synthface2013"])
def test_ours_hold_it(name, raw, tmp_path):
    copies = {"table": write_table, "avec2013": write_avec2013, "synthface2013": write_avec2013}
    src = copies[name](raw, tmp_path / name) if name in copies else raw
    report = check_reader(name, src)
    assert report.outcome == "held"
    assert not report.skipped


class Clinic(CorpusReader):
    """Reads ``SPLIT/NAME_SCORE.mp4``; a change is what a test plants."""

    name = "clinic"
    change = staticmethod(lambda clips: clips)

    def scan(self, src: Path) -> Scan:
        check_root(src, self.layout)
        clips = [
            SourceClip(
                clip=path.stem, subject=path.stem, session=path.stem, task="", root=src,
                split=path.parent.name, video=path, score=int(path.stem.rpartition("_")[2]),
            )
            for path in sorted(src.glob("*/*.mp4"))
        ]  # fmt: skip
        return Scan(tuple(sorted(self.change(clips), key=lambda clip: clip.clip)), ())


def doubled(clips):
    return [*clips, clips[0]]


def every(**fields):
    return lambda clips: [replace(clip, **fields) for clip in clips]


FAULTS = {
    "finds clips": lambda clips: [],
    "names clips once": doubled,
    "splits": every(split="validation"),
    "scores": every(score=64),
    "sessions": every(session="all"),
    "sources": every(video=Path("/nowhere/x.mp4"), root=None),
    "hands on": every(task=lambda: 0),
}


@pytest.fixture
def clinic(tmp_path):
    """A folder of the clinic's layout."""
    for number, split in enumerate(("train", "dev", "test")):
        path = tmp_path / "clinic" / split / f"p{number}_{number * 9}.mp4"
        path.parent.mkdir(parents=True)
        path.touch()
    return tmp_path / "clinic"


def test_a_sound_one_holds_it(clinic):
    assert check_reader(Clinic(), clinic).outcome == "held"


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_told_as_its_own_rule(clinic, monkeypatch, rule):
    monkeypatch.setattr(Clinic, "change", staticmethod(FAULTS[rule]))
    report = report_reader(Clinic(), clinic)
    assert report.broken == (rule,)
    (finding,) = report.findings
    assert finding.mend
    assert "test_readers.py" in finding.place
    with pytest.raises(ContractError, match=f"rule {rule!r}"):
        check_reader(Clinic(), clinic)


def test_one_that_does_not_look_where_it_is_sent_is_told(clinic, monkeypatch):
    fixed = Clinic().scan(clinic)
    monkeypatch.setattr(Clinic, "scan", lambda self, src: fixed)
    assert report_reader(Clinic(), clinic).broken == ("refuses what is not there",)


def test_one_that_can_t_be_made_is_told(clinic):
    class Needs(Clinic):
        def __init__(self, wanted):
            self.wanted = wanted

    assert report_reader(Needs(1), clinic).broken == ("says what it is",)


def test_options_are_the_signature(monkeypatch):
    class Rated(Clinic):
        name = "rated"

        def __init__(self, *, rater: str = "all", openface: Path | None = None):
            self.rater = rater

    monkeypatch.setitem(CORPORA.module_dict, "rated", Rated)
    reader = find_reader("rated", rater="first")
    assert (reader.rater, dict(reader.options)) == ("first", {"rater": "first"})
    with pytest.raises(ValueError, match=r"no option 'rator' \(did you mean 'rater'"):
        find_reader("rated", rator="first")
    monkeypatch.setitem(CORPORA.module_dict, "other", Rated)
    with pytest.raises(
        ValueError, match="name is 'rated', but it is registered as the corpus 'other'"
    ):
        find_reader("other")


PLUGIN = textwrap.dedent(
    """
    from pathlib import Path

    from adabench.data.corpora import CorpusReader, Scan, SourceClip
    from adabench.data.corpora.base import check_root
    from adabench.data.tracks import Track, register_track
    from adabench.registry import CORPORA

    register_track(Track("ward", corpus="ward"))


    @CORPORA.register_module("ward")
    class Ward(CorpusReader):
        name = "ward"
        licensed = False
        layout = "SPLIT/TASK/NNN_M_TASK_video.mp4"

        def __init__(self, *, task: str = "Freeform"):
            self.task = task

        def scan(self, src: Path) -> Scan:
            check_root(src, self.layout)
            splits = {"Training": "train", "Development": "dev", "Testing": "test"}
            clips = [
                SourceClip(
                    path.stem,
                    path.stem.split("_")[0],
                    "_".join(path.stem.split("_")[:2]),
                    "",
                    split,
                    path,
                    10,
                    root=src,
                )
                for folder, split in splits.items()
                for path in sorted((src / folder / self.task).glob("*.mp4"))
            ]
            return Scan(tuple(sorted(clips, key=lambda clip: clip.clip)), ())
    """
)


@pytest.fixture
def ward(tmp_path, monkeypatch):
    """A plugin's folder with a reader and a track, forgotten after the test."""
    monkeypatch.setattr(CORPORA, "_module_dict", dict(CORPORA.module_dict))
    for name in TRACKS:
        monkeypatch.setitem(TRACKS, name, TRACKS[name])
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "ward.py").write_text(PLUGIN)
    yield tmp_path / "plugins"
    TRACKS.pop("ward", None)


def test_a_plugins_corpus_is_prepared_from_the_command_line(ward, raw, tmp_path, capsys):
    layout = tmp_path / "ward.toml"
    layout.write_text('task = "Northwind"\n')
    out = tmp_path / "data" / "ward"
    arguments = ["ward", "--src", str(raw), "--out", str(out), "--plugins", str(ward), "--quiet"]
    arguments += ["--layout", str(layout), "--processes", "0", "--detect-every", "30"]
    assert command(arguments) == 0, capsys.readouterr().err
    corpus = PreparedCorpus.open(out)
    assert (corpus.name, corpus.licensed, len(corpus.clips)) == ("ward", False, 12)
    assert all("Northwind" in clip.clip for clip in corpus.clips)
    assert get_track("ward").reader == "ward"
    check_reader("ward", raw)
    layout.write_text('tasks = "Northwind"\n')
    assert command(arguments) == 2
    assert "ward.toml: unknown key 'tasks' (did you mean 'task'?)" in capsys.readouterr().err


def test_without_its_plugin_the_corpus_is_unknown(raw, tmp_path, capsys):
    assert command(["wards", "--src", str(raw), "--out", str(tmp_path / "out")]) == 2
    assert "no reader for the corpus 'wards'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("track", "told"),
    [
        (Track("Ward", "ward"), "small letters"),
        (Track("table-x", "ward"), "does not begin with 'table'"),
        (Track("demo", "ward"), "is there already"),
        (Track("ward", "ward", demo="avec14"), "demo is one of demo"),
        (Track("ward", "ward", demo="ward"), "demo is one of demo"),
    ],
)
def test_a_track_that_can_t_be_is_refused(track, told):
    before = dict(TRACKS)
    with pytest.raises(ValueError, match=told):
        register_track(track)
    assert before == TRACKS
