"""Persons under several spellings: what is one, what is asked, and what divisions make of it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from clip_records import clip_record

from adabench.data.audit import audit_text
from adabench.data.corpora import TableReader
from adabench.data.persons import one_spelling, person_key
from adabench.data.prepare.scan import scan_text
from adabench.data.prepare.settings import PrepareSettings
from adabench.data.protocol import CrossCorpus, Folds, PersonDisjoint, Protocol, divide
from adabench.evaluation import BDI_II

ONE = {
    "composed": ("Zo\u00eb", "Zoe\u0308"),
    "case": ("Zoë", "ZOË", "zoë"),
    "sharp s": ("Strauß", "STRAUSS", "strau\u1e9e"),
    "zero width": ("P1", "P\u200b1", "\ufeffP1", "P1\u2060"),
    "bidirectional": ("P1", "\u202eP1", "P1\u200f", "\u2066P1\u2069"),
    "soft hyphen": ("Smith", "Smi\u00adth"),
    "joiners": ("P1", "P\u200d1", "P\u034f1", "P1\ufe0f"),
    "signs that show nothing": ("P1", "P1\u2800", "P1\u180b", "P1\U000e0100", "P\x071", "P1\x7f"),
    "blanks": ("A B", " A  B ", "A\u00a0B", "A\tB", "A\u3000B"),
    "width": ("P12", "\uff3012", "P\uff11\uff12"),
    "ligature": ("Fielder", "\ufb01elder"),
}
APART = (("P1", "P2"), ("Zoë", "Zoe"), ("A B", "AB"), ("1", "10"), ("P-1", "P_1"), ("1.5", "15"))
ASKED = (
    ("001", "1"),
    ("1", "1.0"),
    ("1,00", "01"),
    ("P01", "p1"),
    ("1.", "1"),
    ("\u0661", "1"),
    ("S1-02", "S1-2"),
    ("P-1", "P\u20131"),
    ("P-1", "P\u20111"),
    ("P-1", "P\u22121"),
)


def clips(*subjects, split="train", salt=""):
    return [
        clip_record(f"s{salt}{n}_1", split=split, subject=s, salt=salt)
        for n, s in enumerate(subjects)
    ]


def found(*subjects):
    return one_spelling(clips(*subjects), [str(n + 2) for n in range(len(subjects))], "rows")


@pytest.mark.parametrize("spellings", ONE.values(), ids=ONE.keys())
def test_spellings_of_one_person_are_merged_with_a_remark(spellings):
    persons = found(*spellings)
    assert len({clip.subject for clip in persons.clips}) == 1
    (line,) = persons.merged
    assert "taken for one person: write one spelling" in line
    # Names that look alike are told apart by their escapes.
    shown = line.split("persons ")[1].split(" are taken")[0].split(" and ")
    assert len(set(shown)) == len(spellings)
    assert persons.asked == ()


@pytest.mark.parametrize("names", APART)
def test_other_names_are_other_persons(names):
    persons = found(*names)
    assert [clip.subject for clip in persons.clips] == list(names)
    assert (persons.merged, persons.asked) == ((), ())


@pytest.mark.parametrize("names", ASKED)
def test_what_a_spreadsheet_may_have_done_is_asked_and_left_apart(names):
    persons = found(*names)
    assert [clip.subject for clip in persons.clips] == list(names)
    (line,) = persons.asked
    assert line.startswith("rows 2, 3: persons ")
    assert line.endswith(": is it one person? write one spelling")
    assert persons.merged == ()


def test_the_most_frequent_spelling_is_kept():
    persons = found("zoë", "Zoë", "Zoë")
    assert [clip.subject for clip in persons.clips] == ["Zoë"] * 3
    assert persons.merged[0].startswith("rows 2, 3, 4: persons 'Zoë' and 'zoë'")


def test_many_places_are_told_by_the_first():
    line = found(*["P1"] * 20, "p1").merged[0]
    assert line.startswith("rows 2, 3, 4, 5, 6, 7, 8, 22 and 13 more: ")


def test_names_without_a_sign_are_no_name():
    assert person_key("\u200b \u00ad") == ""
    assert found("\u200b", "\u00ad").merged == ()


def corpus(records, name="mine"):
    return SimpleNamespace(
        name=name, clips=tuple(records), checksum=name * 8, licensed=False, scale=BDI_II
    )


def spread(*subjects):
    """Ten plain persons, and those given."""
    plain = [f"Q{chr(65 + n)}" for n in range(10)]
    return corpus(
        clip_record(f"s{n}_1", split=("train", "dev", "test")[n % 3], subject=s, score=n % 40)
        for n, s in enumerate([*plain, *subjects])
    )


@pytest.mark.parametrize("protocol", [PersonDisjoint(), Folds(k=3, fold=1)])
def test_a_merged_person_is_in_one_part(protocol):
    parts = divide(spread("P1", "p1", "P\u200b1", "P1", "P1"), protocol, ())
    where = [
        use
        for use in ("train", "validate", "test")
        for clip in getattr(parts, use)
        if person_key(clip.subject) == "p1"
    ]
    assert len(where) == 5
    assert len(set(where)) == 1
    assert "1 persons stand under several spellings, and count as one" in parts.notes
    assert not any("p1" in note for note in parts.notes)


@pytest.mark.parametrize("protocol", [PersonDisjoint(), Folds(k=3, fold=1), Folds(k=3)])
@pytest.mark.parametrize("names", ASKED[:3])
def test_a_division_of_persons_asks_first(protocol, names):
    with pytest.raises(
        ValueError, match=r"s10_1_.*, s11_1_.*is it one person\? write one spelling"
    ):
        divide(spread(*names), protocol, ())


def test_a_person_of_two_corpora_is_left_out_however_spelled():
    source = corpus(clips("QA\u00ad", "X", "Y", split="train", salt="a"), "other")
    protocol = CrossCorpus("other", validate=())
    parts = divide(spread(), replace_test(protocol), (), source=source)
    assert {clip.subject for clip in parts.train} == {"X", "Y"}
    assert parts.source is source
    doubtful = corpus(clips("01", "X", split="train", salt="a"), "other")
    with pytest.raises(ValueError, match="is it one person"):
        divide(spread("1"), protocol, (), source=doubtful)


def replace_test(protocol):
    return CrossCorpus(protocol.source, protocol.train, protocol.validate, ("train", "dev", "test"))


def test_official_splits_are_taken_with_a_note():
    parts = divide(spread("1", "01", "P1", "p1"), Protocol(), ())
    assert "1 persons stand under several spellings, and count as one" in parts.notes
    assert "1 groups of names may be one person's each, and count apart" in parts.notes


def test_a_corpus_without_such_names_is_divided_as_it_is():
    mine = spread()
    parts = divide(mine, PersonDisjoint(), ())
    assert all(clip in mine.clips for clip in (*parts.train, *parts.validate))
    hidden = [replace(clip, score=None) for clip in mine.clips]
    assert all(clip in hidden for clip in parts.test)
    # The digest of this division before names were compared.
    assert parts.protocol == "person-disjoint 60/20/20, seed 0, 93fbab2e"
    assert len(parts.notes) == 1


@pytest.fixture
def table(tmp_path):
    def write(*subjects):
        lines = [f"c{n},v{n}.mp4,5,{s},c{n},,train" for n, s in enumerate(subjects)]
        for n in range(len(subjects)):
            (tmp_path / f"v{n}.mp4").write_bytes(b"")
        text = "\n".join(["clip,video,score,subject,session,task,split", *lines])
        (tmp_path / "clips.csv").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_table_tells_rows_and_the_scan_shows_it(table):
    root = table("001", "Zoë", "1", "ZOË", "1.0")
    scan = TableReader().scan(root)
    assert len({clip.subject for clip in scan.clips}) == 4
    told = {problem.status: problem for problem in scan.problems}
    assert told.keys() == {"one_person", "which_person"}
    assert "rows 3, 5: persons 'ZOË' and 'Zoë'" in told["one_person"].detail
    assert "rows 2, 4, 6: persons '001' and '1' and '1.0': is it one person?" in (
        told["which_person"].detail
    )
    assert not any(problem.left_out for problem in scan.problems)
    text = scan_text(TableReader(), root, PrepareSettings())
    assert "is it one person? write one spelling" in text
    assert "taken for one person" in text


def test_one_session_of_one_person_under_two_spellings_is_no_clash(table):
    root = table("P1", "p1")
    text = (root / "clips.csv").read_text().replace("P1,c0,", "P1,s,").replace("p1,c1,", "p1,s,")
    (root / "clips.csv").write_text(text)
    assert [clip.subject for clip in TableReader().scan(root).clips] == ["P1", "P1"]


def test_a_subject_that_cannot_be_seen_is_none(table):
    scan = TableReader().scan(table("\u200b", "P1"))
    assert [clip.subject for clip in scan.clips] == ["c0", "P1"]
    assert any(problem.status == "no_subject" for problem in scan.problems)


def test_the_audit_counts_persons_and_tells_their_names():
    mine = spread("1", "01", "P1", "p1")
    text = audit_text(mine.clips, "mine")
    assert "s10_1_Freeform, s11_1_Freeform: persons '01' and '1': is it one person?" in text
    assert "persons 'P1' and 'p1' are taken for one person" in text
    assert "names of persons" not in audit_text(spread().clips, "mine")
    both = audit_text(spread().clips, "mine", clips("q\u200ba", "02", salt="x"), "other")
    assert "persons in both: 1 of 10 and 2" in both
