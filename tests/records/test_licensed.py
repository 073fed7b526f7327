"""No label and no frame of a corpus under licence reaches the leaderboard, from raw videos on.

A generated corpus stands in for one under licence: it is read by the reader of one, so that
everything treats it as such. Its labels are all different, so that each could be recognised.
"""

import base64
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from adabench.config.reading.load import load_config
from adabench.data.prepare import prepare
from adabench.data.prepared import PreparedCorpus
from adabench.data.sealed import session_labels
from adabench.engine.files.work_folder import default_work_dir
from adabench.engine.recording.reporting import scored
from adabench.engine.run import FIGURE, train
from adabench.leaderboard.acceptance.accept import RefusedError, accept
from adabench.leaderboard.acceptance.verify import verify
from adabench.leaderboard.pages.publish import publish
from adabench.records import Record, provenance, write_record
from adabench.records.files.labels import read_labels
from adabench.records.files.results import read_records
from adabench.records.files.side_files import side_folder
from adabench.records.schema.private import divided
from adabench.records.schema.tracks import PRIVATE_FOLDER
from adabench.synthface import SynthfaceParameters, generate

REPOSITORY = Path(__file__).parents[2]
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?(?![\w.])")
NEAR = 150
"""Characters around a session's name in which its label would stand."""


@pytest.fixture(scope="module")
def licensed(tmp_path_factory):
    """The whole way: raw, prepared, run, recorded, accepted, published."""
    root = tmp_path_factory.mktemp("licensed")
    raw, data, board = root / "raw", root / "data" / "avec2014", root / "leaderboard"
    generate(
        SynthfaceParameters(seed=8, sessions=10, every_level=True, fps=15, seconds=(1.0, 1.0)),
        raw,
        processes=1,
    )
    for number, path in enumerate(sorted(raw.rglob("*_Depression.csv"))):
        path.write_text(f"{31 + number}\n")
    prepare("avec2014", raw, data, size=32, processes=0, progress=False)
    corpus = PreparedCorpus.open(data)
    assert corpus.licensed
    overrides = [f"data.root={root / 'data'}", "data.size=32"]
    experiment = load_config(REPOSITORY / "configs/constant_avec14.py", overrides=overrides)
    outcome = train(experiment, work_dir=root / "work", results=board / "local")
    write_record(with_predictions_of_its_own(outcome.record, corpus), board / "local")
    return SimpleNamespace(root=root, data=data, board=board, corpus=corpus, outcome=outcome)


def with_predictions_of_its_own(record, corpus):
    """A method's record as the engine makes them, with a prediction for each session."""
    noise = np.random.default_rng(1).normal(0, 5, len(record.entries))
    guess = {entry.session: 40 + value for entry, value in zip(record.entries, noise, strict=True)}
    tested = [clip for clip in corpus.clips if clip.session in guess]
    content = {
        **record.model_dump(exclude={"checksum"}),
        **scored(tested, guess, session_labels(tested), licensed=True),
        "clips": {clip.clip: guess[clip.session] for clip in tested},
        "kind": "method",
        "method": "Other",
        "provenance": {},
    }
    public, private = divided(content)
    return Record.model_validate(public).with_private(private)


@pytest.fixture(scope="module")
def published(licensed):
    """The leaderboard's folder when everything was accepted and every page built."""
    labels = read_labels([licensed.data])
    for path in sorted((licensed.board / "local").rglob("*.json")):
        if path.parent.name == "avec14":
            accept(path, licensed.board, labels, allow_dirty=True)
    publish(licensed.board, corpora=labels)
    assert (licensed.board / "index.html").is_file()
    assert list((licensed.board / "local" / "tables").iterdir())
    return licensed.board


def files(folder):
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def by_session(path):
    """A file's text; of a private one without its metrics, which may equal some session's error."""
    text = path.read_text(encoding="utf-8")
    if path.parent.name != PRIVATE_FOLDER or path.suffix != ".json":
        return text
    content = json.loads(text)
    return json.dumps([content["predictions"], content["clips"]])


def labels_in(text, corpus, predictions):
    """The sessions whose label, or whose error, from which it follows, stands near their names."""
    found = []
    for session, score in {clip.session: float(clip.score) for clip in corpus.clips}.items():
        errors = [abs(guess[session] - score) for guess in predictions if session in guess]
        for match in re.finditer(rf"(?<!\d){re.escape(session)}(?!\d)", text):
            near = text[max(0, match.start() - NEAR) : match.end() + NEAR]
            others = [abs(float(number)) for number in NUMBER.findall(near)]
            if any(abs(one - other) < 5e-4 for one in (score, *errors) for other in others):
                found.append(session)
    return found


@pytest.fixture(scope="module")
def predictions(licensed):
    """Of each record, session -> prediction."""
    folders = [licensed.board / "local" / "avec14", licensed.board / "measured" / "avec14"]
    records = [
        record for folder in folders if folder.is_dir() for record in read_records(folder)[0]
    ]
    assert len(records) >= 2
    assert all(one.entries for one in records)
    return [{entry.session: entry.prediction for entry in one.entries} for one in records]


def test_labels_that_stand_there_are_found(licensed, predictions):
    clip = next(clip for clip in licensed.corpus.clips if clip.split == "test")
    error = predictions[0][clip.session] - clip.score
    for told in (
        f"{clip.session},{clip.score}\n",
        json.dumps({"session": clip.session, "label": float(clip.score)}),
        f"{clip.session}: off by {error:.4f}",
    ):
        assert labels_in(told, licensed.corpus, predictions) == [clip.session]
    assert labels_in(f"{clip.session}: 1.25", licensed.corpus, predictions) == []


def test_no_label_stands_in_the_leaderboard(licensed, published, predictions):
    kept = 0
    for path in files(published):
        text = path.read_text(encoding="utf-8")
        assert not labels_in(by_session(path), licensed.corpus, predictions), path
        named = any(clip.session in text for clip in licensed.corpus.clips)
        if path.parent == published / "local" / PRIVATE_FOLDER:
            kept += named
        elif path.suffix != ".patch":  # our own code may name sessions
            assert not named, path
        if path.suffix == ".json":
            assert not [one for one in walk(json.loads(text)) if one.get("label") is not None], path
    assert kept == len(predictions)
    assert not list((published / "measured").rglob(PRIVATE_FOLDER))


def test_every_number_that_is_published_has_two_decimals(licensed, published):
    paths = sorted((published / "measured" / "avec14").glob("*.json"))
    assert len(paths) == 2
    for path in paths:
        content = json.loads(path.read_text())
        assert content["predictions"] == []
        assert content["clips"] == {}
        assert content["calibration"] is None
        assert content["counts"] == {"sessions": 10, "persons": 8, "clips": 20}
        exact = [content["metrics"], *content["intervals"].values()]
        for value in [v for part in exact for v in (part.values() if type(part) is dict else part)]:
            assert value == round(value, 2)


def test_a_private_file_is_named_by_what_nobody_can_guess(licensed, published):
    (path, *_) = sorted((published / "local" / PRIVATE_FOLDER).glob("*.json"))
    content = json.loads(path.read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem
    assert len(content["salt"]) == 64
    others = {json.loads(other.read_text())["salt"] for other in path.parent.glob("*.json")}
    assert len(others) == len(list(path.parent.glob("*.json")))


def test_git_ignores_private_files_wherever_they_lie(licensed, published, tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    shutil.copytree(licensed.root / "work", tmp_path / "runs")
    shutil.copytree(published, tmp_path / "results")
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "-uall"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "results/measured/avec14/" in listed
    assert PRIVATE_FOLDER not in listed


def walk(value):
    """All dicts in a JSON value."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from walk(item)


def test_no_frame_stands_in_the_leaderboard(licensed, published):
    stores = files(licensed.data / "faces")
    assert stores
    pieces = {
        content[start : start + 48]
        for content in map(Path.read_bytes, stores)
        for start in range(64, len(content) - 48, 1000)
    }
    for path in files(published):
        content = path.read_bytes()
        assert path.suffix in {
            ".json",
            ".html",
            ".md",
            ".csv",
            ".txt",
            ".patch",
            ".svg",
            ".lock",
        } or path.name in (".lock", ".gitignore"), path
        marks = (b"\xff\xd8\xff", b"\x89PNG", b"ADAJPEGS", b"/9j/", b"iVBORw0KGgo")
        # A patch of our own code may name a format.
        for mark in marks if path.suffix != ".patch" else ():
            assert mark not in content, path
        assert not any(piece in content for piece in pieces)
        assert not any(base64.b64encode(piece[:45]) in content for piece in pieces)


def test_what_a_run_leaves_beside_its_record(licensed):
    side = side_folder(licensed.outcome.path)
    record = licensed.outcome.record
    assert record.licensed
    assert (
        set(record.provenance) == {path.name for path in side.iterdir()} if side.is_dir() else True
    )
    assert record.predictions == []
    assert len(record.entries) == 10
    assert all(entry.label is None for entry in record.entries)


def test_the_figure_shows_labels_and_stays_in_the_work_folder(licensed, published):
    assert licensed.outcome.figure == licensed.root / "work" / FIGURE
    assert licensed.outcome.figure.is_file()
    assert not [path for path in files(published) if path.suffix == licensed.outcome.figure.suffix]
    experiment = load_config(REPOSITORY / "configs/constant_avec14.py")
    assert "leaderboard" not in default_work_dir(experiment).parts


def test_the_run_s_own_copy_holds_no_label_either(licensed, predictions):
    for path in files(licensed.root / "work"):
        # A fitted estimator may well hold what it was fitted on; like a network's weights, it stays.
        if path.suffix not in (licensed.outcome.figure.suffix, ".skops"):
            assert not labels_in(by_session(path), licensed.corpus, predictions), path


def test_what_was_accepted_holds(licensed, published):
    assert verify(published, read_labels([licensed.data])).holds


def test_a_record_with_labels_is_refused(licensed, tmp_path):
    record = licensed.outcome.record
    labels = {clip.session: float(clip.score) for clip in licensed.corpus.clips}
    told = [entry.model_copy(update={"label": labels[entry.session]}) for entry in record.entries]
    with pytest.raises(ValueError, match="labels must stay out"):
        write_record(record.model_copy(update={"predictions": told}), tmp_path)
    assert not files(tmp_path)
    free = {"licensed": False, "provenance": {}, "private": None, "metrics": record.kept.metrics}
    freed = record.model_copy(update={"predictions": told, **free})
    (tmp_path / "leaderboard").mkdir()
    path = write_record(freed, tmp_path / "sent")
    with pytest.raises(RefusedError, match="is licensed, but 10 predictions carry their label"):
        accept(path, tmp_path / "leaderboard", allow_dirty=True)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of which the module that reads its changes is a part."""
    module = tmp_path / "provenance.py"
    shutil.copyfile(provenance.__file__, module)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    spec = importlib.util.spec_from_file_location("provenance_of_checkout", module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return tmp_path, loaded


def test_data_beside_the_code_is_named_only(checkout):
    folder, module = checkout
    (folder / "203_1_Depression.csv").write_text("37\n")
    (folder / "face.png").write_bytes(b"\x89PNG" + bytes(range(256)))
    (folder / "mine.py").write_text("keep = 1\n")
    changes = module.changes()
    assert "# new, left out: 203_1_Depression.csv" in changes
    assert "# new, left out: face.png" in changes
    assert "+keep = 1" in changes
    assert "37" not in changes.replace("203_1", "")


def test_data_that_was_given_to_git_add_is_named_only(checkout):
    folder, module = checkout
    (folder / "203_1_Depression.csv").write_text("37\n")
    (folder / "face.png").write_bytes(b"\x89PNG" + bytes(range(256)))
    subprocess.run(["git", "-C", str(folder), "add", "."], check=True)
    changes = module.changes()
    assert "+37" not in changes
    assert "GIT binary patch" not in changes
