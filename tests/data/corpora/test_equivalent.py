"""One generated corpus in every layout: the readers find the same clips, persons and scores."""

import pytest

from adabench.data.corpora import find_reader, read_layout
from adabench.data.manifest import read_manifest
from adabench.data.prepare import prepare
from adabench.registry import CORPORA
from adabench.synthface import SynthfaceParameters, draw_sessions

FIELDS = ("clip", "subject", "session", "task", "split", "score")


def rows(scan):
    assert scan.problems == ()
    return [tuple(getattr(clip, name) for name in FIELDS) for clip in scan.clips]


@pytest.fixture(scope="module")
def expected():
    """What the generator's plan says, for two tasks a session."""
    return sorted(
        (f"{s.name}_{task}", s.subject, s.name, task, s.split, s.score)
        for s in draw_sessions(SynthfaceParameters.tiny(3))
        for task in ("Freeform", "Northwind")
    )


@pytest.fixture(scope="module")
def expected_2013(expected):
    """The same for one clip a session."""
    chosen = (row for row in expected if row[3] == "Freeform")
    return sorted((s, person, s, "", split, score) for _, person, s, _, split, score in chosen)


def test_avec_2014(tiny, expected):
    assert rows(find_reader("synthface").scan(tiny)) == expected
    assert rows(find_reader("avec2014").scan(tiny)) == expected


def test_avec_2014_under_other_names(copies, expected):
    assert rows(find_reader("synthface").scan(copies["renamed"])) == expected


def test_avec_2013(copies, expected_2013):
    assert rows(find_reader("synthface2013").scan(copies["avec2013"])) == expected_2013
    assert rows(find_reader("avec2013").scan(copies["avec2013"])) == expected_2013


def test_table(copies, expected):
    assert rows(find_reader("table").scan(copies["table"])) == expected


def test_openface(tiny, copies, expected, expected_2013):
    both = find_reader("synthface", openface=copies["openface"])
    assert rows(both.scan(tiny)) == rows(both.scan(copies["openface"])) == expected
    only = find_reader("synthface2013", openface=copies["openface2013"])
    assert rows(only.scan(copies["openface2013"])) == expected_2013
    assert rows(only.scan(copies["avec2013"])) == expected_2013
    table = find_reader("table", openface=copies["openface"])
    assert rows(table.scan(copies["table"])) == expected


def test_any_layout_as_another_with_a_layout_file(copies, tmp_path, expected_2013):
    path = tmp_path / "layout.toml"
    path.write_text(
        'video_pattern = "(?P<subject>\\\\d+)_(?P<session>\\\\d+)_freeform_video"\n'
        f'labels = "{copies["renamed"] / "labels"}"\n'
        'splits = {train = "train/freeform", dev = "dev/freeform", test = "test/freeform"}\n'
    )
    reader = find_reader("synthface2013", **read_layout(path))
    assert rows(reader.scan(copies["renamed"])) == expected_2013


@pytest.mark.parametrize("name", sorted(CORPORA.module_dict))
def test_only_what_has_the_generators_record_is_free_of_a_licence(name, tiny, tmp_path):
    reader = find_reader(name)
    generated = name in ("synthface", "synthface2013", "expressions")
    assert reader.licensed is not generated
    # It stays a generated one where it is read as if it had been recorded.
    assert reader.parameters(tiny)["kind"] == "corpus"
    if generated:
        with pytest.raises(FileNotFoundError, match=r"synthface\.json is missing"):
            reader.parameters(tmp_path)
    else:
        assert reader.parameters(tmp_path) is None


def test_manifests(tiny, copies, tmp_path):
    """Prepared, all but names and paths is equal; one task of one split, to be quick."""
    dev = {"splits": {"dev": ["Development", "dev"]}}
    one = {**dev, "tasks": ["Freeform"]}
    sources = {
        "avec2014": (find_reader("synthface", **one), tiny),
        "renamed": (find_reader("synthface", **one), copies["renamed"]),
        "avec2013": (find_reader("synthface2013", **dev), copies["avec2013"]),
        "table": (find_reader("table", **dev), copies["table"]),
        "openface": (find_reader("synthface", openface=copies["openface"], **one), tiny),
    }
    manifests = {}
    for name, (reader, src) in sources.items():
        prepare(reader, src, tmp_path / name, processes=0, progress=False, detect_every=30)
        manifests[name] = [
            (r.subject, r.session, r.split, r.score, r.frames, round(r.fps), r.source_sha256)
            for r in read_manifest(tmp_path / name / "manifest.csv")
            if r.task != "Northwind"
        ]
    assert len(manifests["avec2014"]) == 8
    for name in ("renamed", "avec2013", "table"):
        assert manifests[name] == manifests["avec2014"]
    # of OpenFace the source is another file
    expected = [row[:-1] for row in manifests["avec2014"]]
    assert [row[:-1] for row in manifests["openface"]] == expected
