"""The same bytes whatever happens: prepared twice, by several processes, or killed again and again."""

import multiprocessing
import random
import signal
import time
from pathlib import Path

import pytest
from prepared_files import content

from adabench.data.prepare import check, prepare
from adabench.synthface import SynthfaceParameters
from adabench.synthface.writing.corpus import corpus_jobs


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """The content of four clips."""
    root = tmp_path_factory.mktemp("clips")
    parameters = SynthfaceParameters(
        seed=6, sessions=4, every_level=True, fps=15, seconds=(1.0, 1.2)
    )
    different = []
    for job in corpus_jobs(parameters)[:8:2]:
        (root / job.video).parent.mkdir(parents=True, exist_ok=True)
        job.write(root)
        different.append((root / job.video).read_bytes())
    return different


def write_raw(root, clips, good, damaged):
    """A raw corpus of so many good clips and of damaged ones."""
    for number in range(good + damaged):
        session, split = f"{300 + number}_1", ("Training", "Development", "Testing")[number % 3]
        path = root / split / "Freeform" / f"{session}_Freeform_video.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        content = clips[number % 4]
        path.write_bytes(content if number < good else content[:2000])
        (root / f"{session}_Depression.csv").write_text(f"{number % 45}\n")
    (root / "synthface.json").write_text("{}")
    return root


@pytest.fixture(scope="module")
def raw(tmp_path_factory, clips):
    return write_raw(tmp_path_factory.mktemp("kills") / "raw", clips, 40, 4)


@pytest.fixture(scope="module")
def expected(raw, tmp_path_factory):
    """What an undisturbed run in one process writes."""
    out = tmp_path_factory.mktemp("expected") / "out"
    prepare("synthface", raw, out, processes=0, progress=False)
    found = content(out)
    assert len(found) == 44  # 40 clips, manifest, description and the report's two parts
    return found


@pytest.fixture
def saboteur(monkeypatch):
    """The module of the deeds; other processes find it by the path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import saboteur

    return saboteur


def context():
    """Processes that start at once."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["adabench.data.prepare.run"])
    return server


def notes(out):
    return len(list((out / ".clips").glob("*_Freeform.json")))


def killed_at_random(deed, raw, out, chance):
    """Whether a run was killed before it came to an end."""
    process = context().Process(target=deed, args=(raw, out))
    process.start()
    wanted = notes(out) + chance.randrange(4)
    while process.is_alive() and notes(out) < wanted:
        time.sleep(0.002)
    time.sleep(chance.uniform(0, 0.05))
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def test_twice_gives_the_same(raw, expected, tmp_path):
    prepare("synthface", raw, tmp_path / "out", processes=2, progress=False)
    assert content(tmp_path / "out") == expected


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_so_often_gives_the_same(saboteur, raw, expected, tmp_path, kills):
    out = tmp_path / "out"
    chance = random.Random(0)
    finished = []
    for _ in range(kills):
        assert killed_at_random(saboteur.prepare_quietly, raw, out, chance)
        finished.append(notes(out))
        assert not (out / "corpus.json").exists()
    assert finished == sorted(finished)
    assert 0 < finished[-1] < 44
    prepare("synthface", raw, out, processes=2, progress=False)
    assert content(out) == expected
    assert check(out).same
    assert not list(out.rglob(".part-*"))


def test_killed_at_every_write_gives_the_same(saboteur, clips, tmp_path):
    raw = write_raw(tmp_path / "raw", clips, 4, 1)
    prepare("synthface", raw, tmp_path / "expected", processes=0, progress=False)
    out = tmp_path / "out"
    kills, ended = 0, None
    while ended != 0:
        # the report is written anew each time: one write a run would never come further than it
        writes = 1 + kills % 4
        process = context().Process(target=saboteur.prepare_until, args=(raw, out, writes))
        process.start()
        process.join()
        ended, kills = process.exitcode, kills + 1
        assert ended in (0, -signal.SIGKILL)
        assert kills < 40
    assert kills > 5
    assert content(out) == content(tmp_path / "expected")
    assert check(out).same
