"""OpenFace's output: found anywhere below its root, with or without videos."""

import shutil

import pytest

from adabench.data.corpora import Avec2014Reader, OpenFaceFiles, find_reader
from adabench.data.corpora.openface import OpenFaceIndex, has_image

CLIP = "203_1_Freeform"


@pytest.fixture
def output(tmp_path):
    """A function that writes OpenFace's output of one clip."""

    def write(folder, stem=f"{CLIP}_video", *, table=True, images=("frame_det_00_000001.bmp",)):
        folder = tmp_path / "openface" / folder
        folder.mkdir(parents=True, exist_ok=True)
        if table:
            (folder / f"{stem}.csv").write_text("frame, success\n1, 1\n")
        if images is not None:
            (folder / f"{stem}_aligned").mkdir()
            for name in images:
                (folder / f"{stem}_aligned" / name).write_bytes(b"picture")
        return tmp_path / "openface"

    return write


@pytest.fixture
def raw(tmp_path):
    """A corpus of one clip with a video."""
    root = tmp_path / "raw"
    (root / "train" / "Freeform").mkdir(parents=True)
    (root / "train" / "Freeform" / f"{CLIP}_video.mp4").write_bytes(b"")
    (root / "203_1_Depression.csv").write_text("7")
    return root


def only(scan):
    ((problem,), clips) = scan.problems, scan.clips
    assert clips == ()
    return problem


@pytest.mark.parametrize("suffix", ["bmp", "png", "jpg", "JPEG", "webp", "tif"])
def test_beside_a_video_in_any_folder_and_format(raw, output, suffix):
    root = output("some/where", images=(f"frame.{suffix}",))
    (clip,) = Avec2014Reader(openface=root).scan(raw).clips
    table = root / "some" / "where" / f"{CLIP}_video.csv"
    assert clip.openface == OpenFaceFiles(table, table.with_name(f"{CLIP}_video_aligned"))
    assert (clip.source, clip.source_name) == (table, f"some/where/{CLIP}_video.csv")
    assert clip.video == raw / "train" / "Freeform" / f"{CLIP}_video.mp4"
    assert (clip.score, clip.split) == (7, "train")


def test_called_by_the_clip_and_in_two_folders(raw, output):
    output("tables", CLIP, images=None)
    root = output("images", CLIP, table=False)
    (clip,) = Avec2014Reader(openface=root).scan(raw).clips
    assert clip.openface.table.parent.name == "tables"
    assert clip.openface.aligned.parent.name == "images"


def test_the_videos_name_goes_first(raw, output):
    output("features", CLIP, images=None)
    root = output("faces")
    (clip,) = Avec2014Reader(openface=root).scan(raw).clips
    assert clip.openface.table.name == f"{CLIP}_video.csv"


def test_missing_table(raw, output):
    output("b", "204_1_Freeform_video")
    problem = only(Avec2014Reader(openface=output("a", table=False)).scan(raw))
    assert (problem.name, problem.status) == (CLIP, "no_openface")
    assert f"no table {CLIP}_video.csv" in problem.detail
    assert "run OpenFace again" in problem.detail


@pytest.mark.parametrize("images", [None, (), ("notes.txt", "._frame.bmp")])
def test_missing_images(raw, output, images):
    problem = only(Avec2014Reader(openface=output("a", images=images)).scan(raw))
    assert problem.status == "no_images"
    assert "again with -simalign" in problem.detail


def test_nothing_of_the_clip(raw, output):
    root = output("a", "999_1_Freeform_video")
    problem = only(Avec2014Reader(openface=root).scan(raw))
    assert problem.status == "no_openface"
    assert f"no file {CLIP}_video.csv or {CLIP}.csv below {root}" in problem.detail


@pytest.mark.parametrize("second", [{"table": False}, {"images": None}, {}])
def test_two_candidates(raw, output, second):
    output("a")
    problem = only(Avec2014Reader(openface=output("b", **second)).scan(raw))
    assert problem.status == "duplicate"
    assert "a/203_1_Freeform_video" in problem.detail
    assert "b/203_1_Freeform_video" in problem.detail


def test_no_root(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; .* with --openface"):
        Avec2014Reader(openface=tmp_path / "nowhere").scan(raw)


def test_without_videos(copies):
    root = copies["openface"]
    with pytest.raises(FileNotFoundError, match="48 folders of OpenFace's: name their root"):
        find_reader("synthface").scan(root)
    scan = find_reader("synthface", openface=root).scan(root)
    assert (len(scan.clips), scan.problems) == (48, ())
    for clip in scan.clips:
        assert clip.video is None
        assert clip.source.name == f"{clip.clip}_video.csv"
        assert clip.source_name.split("/")[0] in ("Training", "Development", "Testing")
        assert has_image(clip.openface.aligned)


def test_some_videos_are_gone(tiny, copies, tmp_path):
    raw = tmp_path / "raw"
    shutil.copytree(tiny, raw, ignore=shutil.ignore_patterns("truth", "*Northwind*"))
    scan = find_reader("synthface", openface=copies["openface"]).scan(raw)
    assert (len(scan.clips), scan.problems) == (48, ())
    assert {clip.task for clip in scan.clips if clip.video is None} == {"Northwind"}


def test_output_of_odd_names(copies, tmp_path):
    root = tmp_path / "openface"
    shutil.copytree(copies["openface"], root, ignore=shutil.ignore_patterns("*[1-9].jpg"))
    folder = root / "Training" / "Freeform"
    (folder / "statistics.csv").write_text("a,b\n")
    (folder / "interview_aligned").mkdir()
    scan = find_reader("synthface", openface=root).scan(root)
    names = [(problem.name, problem.status) for problem in scan.problems]
    assert names == [("Training/Freeform/interview_aligned", "bad_name")]


def test_images_are_not_listed(output, monkeypatch):
    root = output("a", images=("1.bmp", "2.bmp"))
    seen = []
    index = OpenFaceIndex(root)
    monkeypatch.setattr(
        "adabench.data.corpora.openface.is_image", lambda name: seen.append(name) or True
    )
    assert isinstance(index.find(CLIP, [f"{CLIP}_video"]), OpenFaceFiles)
    assert len(seen) == 1


def test_tables_beside_videos(raw, output):
    root = output("some/where", images=None)
    (clip,) = Avec2014Reader(openface_tables=root).scan(raw).clips
    assert clip.openface == OpenFaceFiles(root / "some" / "where" / f"{CLIP}_video.csv", None)
    assert clip.source == clip.video == raw / "train" / "Freeform" / f"{CLIP}_video.mp4"
    assert clip.source_name == f"train/Freeform/{CLIP}_video.mp4"


def test_a_clip_without_a_table_beside_it(raw, output):
    root = output("some", "204_1_Freeform_video", images=None)
    problem = only(Avec2014Reader(openface_tables=root).scan(raw))
    assert (problem.name, problem.status) == (CLIP, "no_openface")


def test_tables_do_not_stand_for_videos(raw, output):
    root = output("train/Freeform", "204_1_Freeform_video")
    (raw / "204_1_Depression.csv").write_text("9")
    scan = Avec2014Reader(openface_tables=root).scan(raw)
    assert {problem.status for problem in scan.problems} == {"no_openface", "no_video"}


@pytest.mark.parametrize("name", ["avec2013", "avec2014", "table"])
def test_images_or_tables_alone(raw, output, name):
    root = output("some")
    (raw / "203_1_Depression.csv").rename(raw / "label.txt")
    (raw / "clips.csv").write_text("clip,video,score\na,a.mp4,3\n")
    with pytest.raises(ValueError, match=r"openface and openface_tables: .* leave one out"):
        find_reader(name, openface=root, openface_tables=root).scan(raw)


def test_a_tables_rows_beside_tables_of_openface(raw, output):
    root = output("any", CLIP, images=None)
    (raw / "203_1_Depression.csv").unlink()
    rows = f"clip,video,score\n{CLIP},train/Freeform/{CLIP}_video.mp4,3\n"
    (raw / "clips.csv").write_text(rows)
    (clip,) = find_reader("table", openface_tables=root).scan(raw).clips
    assert (clip.openface.aligned, clip.source) == (None, clip.video)
    (raw / "clips.csv").write_text(f"clip,video,score\n{CLIP},,3\n")
    scan = find_reader("table", openface_tables=root).scan(raw)
    assert "no_video" in {problem.status for problem in scan.problems}


@pytest.fixture
def faces_alone(tmp_path):
    """AVEC 2013 as it is passed on: folders of images by split, and labels."""

    def write(*folders):
        root = tmp_path / "passed on"
        for number, folder in enumerate(folders):
            session = f"20{number}_1"
            images = root / folder / f"{session}_cut_combined_aligned"
            images.mkdir(parents=True)
            (images / "frame_det_00_000001.bmp").write_bytes(b"picture")
            (root / f"{session}_Depression.csv").write_text("7")
        return root

    return write


SPLITS = {"train": "Training_face", "dev": "Development_face", "test": "Testing_face"}


@pytest.mark.parametrize("change", [str, str.lower, lambda name: name.replace("ing_", "_")])
def test_faces_as_they_are_passed_on(faces_alone, change):
    root = faces_alone(*map(change, SPLITS.values()))
    scan = find_reader("avec2013", openface=root).scan(root)
    assert scan.problems == ()
    assert {clip.split for clip in scan.clips} == set(SPLITS)
    for clip in scan.clips:
        assert clip.openface.table is None
        assert clip.source == clip.openface.aligned
        assert clip.source_name.endswith(f"{clip.clip}_cut_combined_aligned")
        assert clip.fps == 30


def test_a_missing_table_beside_others_is_still_one(faces_alone):
    root = faces_alone(*SPLITS.values())
    (root / "Training_face" / "200_1_cut_combined.csv").write_text("frame, success\n1, 1\n")
    scan = find_reader("avec2013", openface=root).scan(root)
    assert [clip.clip for clip in scan.clips] == ["200_1"]
    assert {problem.status for problem in scan.problems} == {"no_openface"}


def test_folders_of_other_names_are_told(faces_alone):
    root = faces_alone("faces of Training", "faces of Testing")
    with pytest.raises(FileNotFoundError, match="name their root with --openface"):
        find_reader("avec2013").scan(root)
    with pytest.raises(FileNotFoundError, match="in a file for --layout") as caught:
        find_reader("avec2013", openface=root).scan(root)
    assert "there are 2 folders of OpenFace's of other names or places" in str(caught.value)
    assert "the first faces of Testing/201_1_cut_combined_aligned" in str(caught.value)
    assert "name their root" not in str(caught.value)


@pytest.mark.parametrize(
    "form",
    [
        "{}_aligned/{}_cut_combined_1_aligned",
        "{}_ALIGNED/{}_cut_combined_Aligned",
        "{}_faces/{}_cut_combined",
        "{}_face/{}_cut_combined-aligned",
        "{}/{}_cut_combined/aligned",
        "{}/{}_cut_combined_aligned/{}_cut_combined_aligned",
    ],
)
def test_faces_are_known_by_what_their_folder_holds(tmp_path, form):
    for session, split in (("203_1", "Training"), ("310_1", "Development")):
        folder = tmp_path / form.format(split, session, session)
        folder.mkdir(parents=True)
        (folder / "frame_det_00_000001.bmp").write_bytes(b"picture")
        (tmp_path / f"{session}_Depression.csv").write_text("7")
    scan = find_reader("avec2013", openface=tmp_path).scan(tmp_path)
    assert [(clip.clip, clip.split) for clip in scan.clips] == [
        ("203_1", "train"),
        ("310_1", "dev"),
    ]
    assert scan.problems == ()


def test_faces_below_a_folder_called_aligned(raw, output):
    root = output("of_aligned/deep")
    (clip,) = Avec2014Reader(openface=root).scan(raw).clips
    assert clip.openface.aligned == root / "of_aligned" / "deep" / f"{CLIP}_video_aligned"


def test_a_folder_for_each_clip_without_videos(output):
    root = output(f"Training/Freeform/{CLIP}_video")
    (root / "203_1_Depression.csv").write_text("7")
    (clip,) = Avec2014Reader(openface=root).scan(root).clips
    assert (clip.clip, clip.task, clip.video) == (CLIP, "Freeform", None)


def test_two_parts_of_a_clip_are_told(faces_alone):
    root = faces_alone("Training_face")
    images = root / "Training_face" / "200_1_cut_combined_aligned"
    shutil.copytree(images, images.with_name("200_1_cut_combined_2_aligned"))
    problem = only(find_reader("avec2013", openface=root).scan(root))
    assert (problem.name, problem.status) == ("200_1", "duplicate")
    assert "200_1_cut_combined_2_aligned" in problem.detail


def test_images_of_other_names_are_told(faces_alone):
    root = faces_alone("Training_face", "Development_face")
    for folder in sorted(root.glob("*_face/*"), reverse=True):
        plain = folder.with_name(folder.name.removesuffix("_aligned"))
        folder.rename(plain)
        (plain / "frame_det_00_000001.bmp").rename(plain / "1.bmp")
        if plain.parent.name == "Training_face":
            scan = find_reader("avec2013", openface=root).scan(root)
            assert scan.problems[-1].status == "no_video"
            assert "in Training_face/200_1_cut_combined" in scan.problems[-1].detail
    with pytest.raises(FileNotFoundError, match="there are 2 folders of images") as caught:
        find_reader("avec2013", openface=root).scan(root)
    assert "the first Development_face/201_1_cut_combined" in str(caught.value)
    assert "NNN_M_cut_combined*_aligned/frame_det_00_000001.bmp" in str(caught.value)


def test_faces_in_a_folder_of_no_splits_name(faces_alone):
    root = faces_alone("Training_face", "Zwei")
    (problem,) = find_reader("avec2013", openface=root).scan(root).problems
    assert (problem.name, problem.status) == ("Zwei", "bad_split")
