"""What runs share, told without making it; making it and no more."""

import json

import pytest
from tiny_runs import parts_of

from adabench.config.preparations import corpus_problem, preparations
from adabench.config.reading.load import load_config
from adabench.engine.run import make_ready


def config(name="depmap_r18_avec14", **options):
    return load_config(f"configs/{name}.py", demo=True, **options)


def keys(experiment):
    return {p.until: p.key for p in preparations(experiment)}


def test_a_run_s_preparations_in_order():
    assert [p.until for p in preparations(config())] == ["corpus", "trunk", "features"]
    encoder = preparations(config("expada_avec14_freeform"))
    assert [p.until for p in encoder] == ["corpus", "trunk", "encoder", "features"]
    real = load_config("configs/depmap_r18_avec14.py")
    assert [p.until for p in preparations(real)] == ["features"]


def test_a_model_per_task_has_its_members_and_an_estimator_the_corpus():
    fused = config("expada_avec14")
    assert preparations(fused) == ()
    assert [m.track for m in fused.members()] == ["demo-freeform", "demo-northwind"]
    alone = config("expada_avec14_freeform")
    assert fused.members()[0].hash() == alone.hash()
    assert alone.members() == ()
    assert [p.until for p in preparations(config("constant_avec14"))] == ["corpus"]


def test_an_estimator_needs_what_its_extractor_stands_on():
    svr = "baselines/svr_trunk_avec14"
    trunk = preparations(config(svr))
    assert [p.until for p in trunk] == ["corpus", "trunk", "features"]
    network = preparations(config())
    assert [p.alike for p in trunk] == [p.alike for p in network]
    assert trunk[1].key == network[1].key
    change = {"method": {"extractor": {"_delete_": True, "type": "FrameStatistics"}}}
    frames = preparations(config(svr, change=change))
    assert [p.until for p in frames] == ["corpus", "features"]


def test_seeds_and_what_comes_after_the_cache_share_everything():
    plain = keys(config())
    assert keys(config(seed=3, draw=0)) == plain
    assert keys(config(overrides=["training.epochs=9", "method.aggregator.width=16"])) == plain
    assert keys(config(overrides=["data.root=elsewhere"])) == plain


def test_another_draw_is_made_apart_and_a_stage_s_work_is_alike():
    def trunk(made):
        return next(p.alike for p in made if p.until == "trunk")

    first, other, sixth = (preparations(config(seed=seed)) for seed in (0, 3, 5))
    assert keys(config(seed=3)) == keys(config(draw=3))
    assert not {p.key for p in first} & {p.key for p in sixth}
    # Five trunks are dealt to draws.
    assert trunk(first) == trunk(sixth)
    assert trunk(first) != trunk(other)


def test_a_stage_that_follows_the_seed_is_shared_by_runs_of_one_seed():
    def of(seed, *overrides):
        run = config("expada_avec14_freeform", seed=seed, draw=0, overrides=list(overrides))
        return {p.until: (p.key, p.alike) for p in preparations(run)}

    first, other = of(0), of(1)
    assert {name for name in first if first[name] == other[name]} == {"corpus", "trunk"}
    assert first["encoder"][1] != other["encoder"][1]
    assert of(1, "method.selector.percent=70")["encoder"] == other["encoder"]
    # What is found again does not depend on how its seed was said.
    assert of(5, "stages.encoder.seed=1")["encoder"] == other["encoder"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("data.synthface.seed=5", set()),
        ("stages.trunk.size=48", {"corpus"}),
        ("views.test.frames=8", {"corpus", "trunk"}),
        ("method.backbone.literal=True", {"corpus", "trunk"}),
    ],
)
def test_what_differs_is_made_apart(change, same):
    plain, other = keys(config()), keys(config(overrides=[change]))
    assert {name for name in plain if plain[name] == other[name]} == same


def test_work_that_is_alike_is_named():
    first = preparations(config())
    other = preparations(config(overrides=["track=demo-freeform"]))
    trunks = [p for p in (*first, *other) if p.until == "trunk"]
    assert trunks[0].key != trunks[1].key
    assert trunks[0].alike == trunks[1].alike


def test_a_corpus_that_is_not_prepared_is_told(tmp_path):
    real = load_config("configs/depmap_r18_avec14.py", overrides=[f"data.root={tmp_path}"])
    told = corpus_problem(real)
    assert f"{tmp_path}/avec2014" in told
    assert "tools/prepare.py avec2014" in told
    folder = tmp_path / "avec2014-112px"
    folder.mkdir()
    (folder / "corpus.json").write_text("{}")
    assert corpus_problem(real) is None
    assert corpus_problem(config(overrides=[f"data.root={tmp_path}"])) is None


def test_a_corpus_of_another_size_is_told(tmp_path):
    expada = load_config("configs/expada_avec14.py", overrides=[f"data.root={tmp_path}"])
    for name in ("avec2014", "avec2014-224px"):
        (tmp_path / name).mkdir()
    content = json.dumps({"prepare": {"size": 112}})
    (tmp_path / "avec2014" / "corpus.json").write_text(content)
    told = corpus_problem(expada)
    assert "holds faces of 112 px, and 224 are asked for" in told
    assert f"avec2014 --src RAW --out {tmp_path}/avec2014-224px --size 224" in told
    (tmp_path / "avec2014-224px" / "corpus.json").write_text(content.replace("112", "224"))
    assert corpus_problem(expada) is None


def test_a_corpus_with_other_faces_is_told(tmp_path):
    def told(**faces):
        options = [f"data.root={tmp_path}", *(f"data.faces.{k}={v}" for k, v in faces.items())]
        return corpus_problem(load_config("configs/depmap_r18_avec14.py", overrides=options))

    (tmp_path / "avec2014").mkdir()
    settings = {"size": 112, "detector": "mtcnn"}
    for changed, fitting, others in (
        ({}, {"detector": "mtcnn"}, "detector='mtcnn', cut='box'"),
        ({"cut": "aligned"}, {"cut": "aligned"}, "detector='mtcnn', cut='aligned'"),
        ({"detector": "haar"}, {"detector": "haar"}, "detector='haar', cut='box'"),
        ({"source": "openface"}, {}, "faces that openface cut"),
    ):
        content = json.dumps({"prepare": {**settings, **changed}})
        (tmp_path / "avec2014" / "corpus.json").write_text(content)
        assert told(**fitting) is None
        asked = {"cut": "aligned"} if changed != {"cut": "aligned"} else {"detector": "haar"}
        problem = told(**asked)
        assert others in problem
        assert "leave data.faces out" in problem
        assert "--detector" in problem


def test_which_faces_are_asked_for_is_part_of_hash_and_keys():
    plain, same = config(), config(overrides=["data.root=elsewhere"])
    assert "faces" not in plain.settings()["data"]
    assert plain.hash() == same.hash()
    aligned = config(overrides=["data.faces.cut=aligned"])
    assert aligned.data.faces.model_dump() == {"detector": "mtcnn", "cut": "aligned"}
    assert aligned.hash() != plain.hash()
    before, after = keys(plain), keys(aligned)
    assert not {name for name in before if before[name] == after[name]}


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("data.faces.detector=yunet", "data.faces.detector: .*'mtcnn' or 'haar'.*'yunet'"),
        ("data.faces.cut=round", "data.faces.cut: .*'box' or 'aligned'.*'round'"),
        ("data.faces.cuts=box", "data.faces.cuts.*Did you mean 'cut'"),
        ("data.faces=aligned", "data.faces"),
    ],
)
def test_mistakes_about_faces_are_told(option, told):
    with pytest.raises(ValueError, match=told):
        config(overrides=[option])


def test_faces_cut_upright_need_points():
    with pytest.raises(ValueError, match=r"data\.faces: .*aligned.*five points.*mtcnn"):
        config(overrides=["data.faces.detector=haar", "data.faces.cut=aligned"])


def test_what_is_asked_for_is_made_and_no_more(tiny, tmp_path, monkeypatch):
    """On the tiny run's data, where everything is found."""
    calls = []
    monkeypatch.setattr(
        "adabench.engine.workbench.ensure_stages", lambda *args: calls.append(args[3:]) or {}
    )
    run = tiny.experiment()
    make_ready(run, "corpus")
    assert calls == []
    make_ready(run, "trunk")
    assert calls == [("trunk",)]
    with pytest.raises(ValueError, match="takes one of corpus, trunk, features; got 'encoder'"):
        make_ready(run, "encoder")
    assert parts_of(run)[1].train
