"""Every suite in the repository: its rows load and build, and differ from their base as they say."""

from pathlib import Path

import pytest

from adabench.bench.suites import load_suites
from adabench.config.reading.load import load_config
from adabench.engine.building import build_untrained
from adabench.models.estimator import EstimatorMethod
from adabench.plugins import load_plugins
from adabench.records.files.reported import read_reported
from adabench.registry import MODELS

ROOT = Path(__file__).parents[1]
SUITES, BROKEN = load_suites(None, ROOT / "configs" / "suites")
REPORTED = read_reported(ROOT / "leaderboard" / "reported" / "reported.csv")

#: The method that each paper is about, whose rows the repository runs.
OWN = {"depmap": "Dep-MAP", "expada": "ExpADA"}
TABLES = [("depmap", "1"), ("depmap", "2"), ("depmap", "3"), ("expada", "1"), ("expada", "2")]

#: Building takes long: the first row of each suite is built by default.
ROWS = [
    pytest.param(
        *(suite, row),
        id=f"{suite.name}/{row.name}",
        marks=[pytest.mark.slow] if row is not suite.rows[0] else [],
    )
    for suite in SUITES
    for row in suite.rows
]
BY_NAME = {f"{s.name}/{r.name}": (s, r) for s in SUITES for r in s.rows}
ABSENT = "absent"
BOTH = pytest.mark.parametrize("demo", [False, True], ids=["real", "demo"])


def segments(length):
    """The fields of ExpADA's segment length T, in both stages' views."""
    encoder = "stages.encoder.views"
    whole = (
        "views.train",
        "views.test",
        f"{encoder}.train",
        f"{encoder}.test",
        f"{encoder}.select",
    )
    lengths = {f"{view}.length": length for view in whole}
    return {**lengths, f"{encoder}.train.overlap": length // 2}


#: What each row changes: path of the field, and its new value. Where a part becomes another, the
#: part's path and its new type.
TRUNK_ALONE = {"method.backbone": "TimmFrames", "semantics": None}
VISUAL = {**TRUNK_ALONE, "method.selector": "KeepAll"}
TO_DFS = {"method.selector": "DFS", "method.head": "OrdinalRegressor"}
#: What a step of a network that learns whole can hold; in the demo a step sees whole clips.
WINDOWS = {"views.train.segments": 8, "training.batch_size": 1, "training.accumulate": 8}
TO_PROTOTYPES = {"method.selector": "PrototypeMAP", "method.head": "UnitRegressor"}
WORLDS = ("sparse", "diffuse", "none")
CHANGES = {
    **{f"worlds/{name}_{world}": {} for name in ("expada", "depmap") for world in WORLDS},
    "depmap_table1/depmap": {},
    "depmap_table2/s1": {"method.aggregator.scales": (1,)},
    "depmap_table2/s2": {"method.aggregator.scales": (2,)},
    "depmap_table2/s3": {"method.aggregator.scales": (3,)},
    "depmap_table2/s4": {"method.aggregator.scales": (4,)},
    "depmap_table2/s3_s4": {"method.aggregator.scales": (3, 4)},
    "depmap_table2/s2_s3_s4": {"method.aggregator.scales": (2, 3, 4)},
    "depmap_table2/s1_s2_s3_s4": {},
    "depmap_table3/r18_visual": {**VISUAL, "method.aggregator": "Identity"},
    "depmap_table3/r18_visual_msr": VISUAL,
    "depmap_table3/r18_visual_emotional_msr_esa": {"method.selector": "KeepAll"},
    "depmap_table3/r18_msr_esa_sdpm_map": {"method.selector.kdm": None},
    "depmap_table3/r18_msr_esa_sdpm_kdm": {"method.selector.map": None},
    "depmap_table3/r18_full": {},
    "depmap_table3/r34_full": {"method.backbone.trunk.name": "resnet34"},
    "depmap_table3/r50_full": {"method.backbone.trunk.name": "resnet50"},
    "depmap_choices/lambda_0": {"method.selector.kdm": None},
    "depmap_choices/lambda_001": {"method.selector.kdm.weight": 0.01},
    "depmap_choices/lambda_01": {},
    "depmap_choices/lambda_1": {"method.selector.kdm.weight": 1.0},
    "depmap_choices/points": {"method.selector.points": True},
    "depmap_choices/literal_kdm": {"method.selector.kdm.literal": True},
    "depmap_choices/hard_tokens": {"method.selector.tokens.kind": "hard"},
    "depmap_choices/other": {"method.selector.sdpm.other": True},
    "depmap_choices/refined": {"method.selector.kdm.refined": True},
    "depmap_choices/cross_entropy": {"method.selector.map.cross_entropy": 0.1},
    "depmap_choices/gate": {"method.selector.map.gate": 0.1},
    "depmap_choices/sparse_hits": {"method.selector.map.mode": "sparse_hits"},
    "depmap_choices/softmax_hits": {
        "method.selector.map.mode": "sparse_hits",
        "method.selector.map.softmax": True,
    },
    "depmap_choices/visual_maps": {"method.aggregator.source": "visual"},
    "depmap_choices/clip_mean": {"method.aggregator.clip_mean": True},
    "depmap_choices/paper_compat": {},
    "depmap_sweeps/as_tabled": {},
    "depmap_sweeps/literal_esa": {"method.backbone.literal": True},
    "depmap_sweeps/three_levels": {"method.selector.sdpm.levels": 3},
    "depmap_sweeps/fused": {"fusion": "fused"},
    "depmap_sweeps/msr_width_32": {"method.aggregator.width": 32},
    "depmap_sweeps/msr_width_64": {"method.aggregator.width": 64},
    "expada_table1/expada": {},
    "expada_table2/base_regression": {"method.head": "UnitRegressor"},
    "expada_table2/ordinal_regression": {},
    "expada_table2/feature_selection": {},
    "expada_choices/sdr": {},
    "expada_choices/own_level_mode": {
        "method.selector.level": "mode",
        "method.selector.select": "own_level",
    },
    "expada_choices/encoder_learns": {"method.backbone": "VAT", **WINDOWS},
    "expada_choices/no_stage_1": {
        "method.backbone": "VAT",
        "stages.encoder": ABSENT,
        **WINDOWS,
    },
    "expada_choices/level_sampler": {"training.sampler": "level"},
    "expada_choices/projections": {
        "method.backbone.backbone.projections": True,
        "stages.encoder.method.backbone.projections": True,
    },
    "expada_choices/scales_1": {"method.aggregator.scales": 1},
    "expada_choices/scales_2": {"method.aggregator.scales": 2},
    "expada_choices/scales_3": {},
    "expada_choices/scales_4": {"method.aggregator.scales": 4},
    "expada_choices/scales_5": {"method.aggregator.scales": 5},
    "expada_choices/percent_10": {"method.selector.percent": 10},
    "expada_choices/percent_20": {},
    "expada_choices/percent_30": {"method.selector.percent": 30},
    "expada_choices/percent_50": {"method.selector.percent": 50},
    "expada_choices/percent_100": {"method.selector.percent": 100},
    "expada_sweeps/length_16": segments(16),
    "expada_sweeps/length_64": segments(64),
    "expada_sweeps/level_mode": {"method.selector.level": "mode"},
    "expada_sweeps/own_level": {"method.selector.select": "own_level"},
    "mix/vat_mte_dfs": {},
    "mix/vat_mte_keep_all": {"method.selector": "KeepAll"},
    "mix/vat_mte_prototype_map": TO_PROTOTYPES,
    "mix/vat_prototype_map": {**TO_PROTOTYPES, "method.aggregator": "Identity"},
    "mix/esa_msr_prototype_map": {},
    "mix/esa_msr_dfs": TO_DFS,
    "mix/visual_msr_dfs": {**TO_DFS, **TRUNK_ALONE},
    "mix/visual_mte_dfs": {**TO_DFS, **TRUNK_ALONE, "method.aggregator": "MTE"},
    "mix/visual_dfs": {**TO_DFS, **TRUNK_ALONE, "method.aggregator": "Identity"},
    "mix/visual_prototype_map": {**TRUNK_ALONE, "method.aggregator": "Identity"},
    "controls/shuffled_labels": {"shuffle_labels": True},
    "noisy_trunk/visual": {**VISUAL, "method.aggregator": "Identity"},
    "noisy_trunk/expada": {},
    "noisy_trunk/depmap": {},
}
#: Where a demo's row differs in something else: it pretrains the trunk itself, and MSR is at 32.
R50_CHANNELS = (8, 16, 32, 64)
NOISY = {"stages.trunk.noise": 1.0}
DEMO_CHANGES = {
    **{
        f"worlds/{name}_{world}": {"data.synthface.world": world}
        for name in ("expada", "depmap")
        for world in WORLDS[1:]
    },
    "depmap_choices/cross_entropy": {"method.selector.map.cross_entropy": 0.0},
    "depmap_table3/r34_full": {
        "method.backbone.trunk.name": "resnet34",
        "stages.trunk.trunk.name": "resnet34",
    },
    "depmap_table3/r50_full": {
        "method.backbone.trunk.name": "resnet50",
        "method.backbone.trunk.options.channels": R50_CHANNELS,
        "stages.trunk.trunk.name": "resnet50",
        "stages.trunk.trunk.options.channels": R50_CHANNELS,
    },
    "expada_choices/encoder_learns": {"method.backbone": "VAT", "views.train.segments": 0},
    "expada_choices/no_stage_1": {
        "method.backbone": "VAT",
        "stages.encoder": ABSENT,
        "views.train.segments": 0,
    },
    "mix/visual_mte_dfs": {
        **TO_DFS,
        **TRUNK_ALONE,
        "method.aggregator": "MTE",
        "training.optimiser.lr": 5e-3,
    },
    "expada_sweeps/length_16": segments(5),
    "expada_sweeps/length_64": segments(20),
    "noisy_trunk/visual": {**CHANGES["noisy_trunk/visual"], **NOISY},
    "noisy_trunk/expada": NOISY,
    "noisy_trunk/depmap": NOISY,
}

#: The modules that Table 3 ticks, by the classes that are them.
MODULES = {"ESA", "MSR", "SDPM", "KDM", "ShareMAP"}
TICKED = {
    "r18_visual": set(),
    "r18_visual_msr": {"MSR"},
    "r18_visual_emotional_msr_esa": {"MSR", "ESA"},
    "r18_msr_esa_sdpm_map": {"MSR", "ESA", "SDPM", "ShareMAP"},
    "r18_msr_esa_sdpm_kdm": {"MSR", "ESA", "SDPM", "KDM"},
    "r18_full": MODULES,
    "r34_full": MODULES,
    "r50_full": MODULES,
}


@pytest.fixture(autouse=True, scope="module")
def _plugins():
    load_plugins()


def resolved(suite, row, track, demo):
    return load_config(**suite.config_of(row, track), demo=demo)


def base_of(suite, row, track, demo):
    tables = {"data": {"synthface": {"preset": "tables"}}}
    change = {"track": track, "demo": tables}
    return load_config(suite.base_of(row), change=change, demo=demo, stage=row.stage)


def changed(before, after, path=""):
    """Yield the path and new value of each field that differs, a part of another type as one."""
    if before is ABSENT and isinstance(after, dict) and "type" not in after:
        before = {}
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield path, after
    elif before.get("type") != after.get("type"):
        yield path, after.get("type")
    else:
        for key in {**before, **after}:
            step = f"{path}.{key}" if path else key
            yield from changed(before.get(key, ABSENT), after.get(key, ABSENT), step)


def test_no_suite_is_broken():
    assert SUITES
    assert BROKEN == []


@BOTH
@pytest.mark.parametrize("name", BY_NAME)
def test_row_loads(name, demo):
    suite, row = BY_NAME[name]
    for track in suite.tracks_of(row):
        experiment = resolved(suite, row, track, demo)
        assert experiment.track_.is_demo == demo
        assert experiment.name == name


@BOTH
@pytest.mark.parametrize(("suite", "row"), ROWS)
def test_row_builds(suite, row, demo):
    experiment = resolved(suite, row, suite.tracks_of(row)[-1], demo)
    if experiment.method.get("type") == "EstimatorMethod":
        content = {k: v for k, v in experiment.method.items() if k != "name"}
        assert isinstance(MODELS.build(content), EstimatorMethod)
        return
    model = build_untrained(experiment)
    reads_semantics = "semantics" in model.backbone.reads
    assert reads_semantics == (experiment.semantics is not None)


def test_it_is_said_of_every_row_what_it_changes():
    assert set(CHANGES) == set(BY_NAME)
    assert set(DEMO_CHANGES) < set(CHANGES)


@BOTH
@pytest.mark.parametrize("name", CHANGES)
def test_row_differs_from_its_base_in_what_its_name_says(name, demo):
    suite, row = BY_NAME[name]
    wanted = (DEMO_CHANGES if demo else {}).get(name, CHANGES[name])
    for track in suite.tracks_of(row):
        before = base_of(suite, row, track, demo)
        after = resolved(suite, row, track, demo)
        ignored = {"name"}
        got = dict(changed(before.model_dump(exclude=ignored), after.model_dump(exclude=ignored)))
        assert got == wanted
        assert (after.hash() == before.hash()) == (not wanted)


@BOTH
def test_the_authors_choices_alone_are_flagged(demo):
    for name, (suite, row) in BY_NAME.items():
        flagged = resolved(suite, row, suite.tracks[0], demo).paper_compat
        assert flagged == (name == "depmap_choices/paper_compat")


@BOTH
@pytest.mark.parametrize("name", ["r18_visual", "r18_visual_msr"])
def test_the_visual_rows_keep_the_bases_trunk(name, demo):
    suite, row = BY_NAME[f"depmap_table3/{name}"]
    trunk = base_of(suite, row, suite.tracks[0], demo).method["backbone"]["trunk"]
    assert resolved(suite, row, suite.tracks[0], demo).method["backbone"] == trunk


@BOTH
@pytest.mark.parametrize("name", TICKED)
def test_a_module_that_is_off_is_not_built(name, demo):
    suite, row = BY_NAME[f"depmap_table3/{name}"]
    model = build_untrained(resolved(suite, row, suite.tracks[0], demo))
    built = {type(module).__name__ for module in model.modules()}
    assert built & MODULES == TICKED[name]
    assert model.backbone.spec.guided == ("ESA" in TICKED[name])


def test_what_is_the_same_run_has_the_same_hash():
    def hashed(name, track):
        suite, row = BY_NAME[name]
        return resolved(suite, row, track, demo=True).hash()

    tabled = hashed("depmap_table1/depmap", "avec14")
    assert tabled == hashed("depmap_table2/s1_s2_s3_s4", "avec14")
    assert tabled == hashed("depmap_sweeps/as_tabled", "avec14")
    assert tabled == hashed("depmap_choices/lambda_01", "avec14")
    freeform = hashed("depmap_table3/r18_full", "avec14-freeform")
    assert hashed("depmap_table1/depmap", "avec13") == freeform


#: ExpADA's choices in the order in which they are read.
CHOICES = [
    *("sdr", "own_level_mode", "encoder_learns", "no_stage_1", "level_sampler", "projections"),
    *(f"scales_{scales}" for scales in (1, 2, 3, 4, 5)),
    *(f"percent_{percent}" for percent in (10, 20, 30, 50, 100)),
]


@BOTH
def test_what_expadas_choices_have_the_sweeps_repeat_not(demo):
    def hashes(name):
        return {
            resolved(suite, row, suite.tracks[0], demo).hash()
            for suite, row in BY_NAME.values()
            if suite.name == name
        }

    assert not hashes("expada_choices") & hashes("expada_sweeps")
    assert len(hashes("expada_choices")) == len(CHOICES) - 2  # S = 3 and 20 % are the first row


def test_expadas_choices_stand_in_a_fixed_order():
    (suite,) = (suite for suite in SUITES if suite.name == "expada_choices")
    assert [row.name for row in suite.rows] == CHOICES


@BOTH
@pytest.mark.parametrize("name", ["encoder_learns", "no_stage_1"])
def test_an_encoder_that_learns_in_stage_2_is_the_one_of_stage_1(name, demo):
    suite, row = BY_NAME[f"expada_choices/{name}"]
    base = base_of(suite, row, suite.tracks[0], demo)
    own = resolved(suite, row, suite.tracks[0], demo).method["backbone"]
    of_stage = base.stages["encoder"]["method"]["backbone"]
    if name == "no_stage_1":
        assert own == of_stage
        return
    trunk = {key: value for key, value in of_stage["trunk"].items() if key != "weights"}
    assert own == {**of_stage, "trunk": trunk, "weights": "stage:encoder"}
    model = build_untrained(resolved(suite, row, suite.tracks[0], demo))
    held = {n.split(".")[0] for n, p in model.backbone.named_parameters() if not p.requires_grad}
    assert held == ({"trunk"} if demo else set())


@BOTH
def test_stages_that_train_a_method_follow_the_seed_of_the_run(demo):
    for suite, row in BY_NAME.values():
        for stage in resolved(suite, row, suite.tracks[0], demo).stages.values():
            assert stage["type"] != "MethodTraining" or stage["seed"] == "run"


def printed(paper, table):
    """Row and track of a paper's own cells, in the paper's order."""
    return [
        (record.origin.row, record.track)
        for record in REPORTED
        if (record.origin.paper, record.origin.table) == (paper, table)
        and record.method == OWN[paper]
    ]


@pytest.mark.parametrize(("paper", "table"), TABLES)
def test_every_row_that_a_paper_prints_has_a_suite_row(paper, table):
    bound = {
        (row.reported, track)
        for suite in SUITES
        if (suite.paper, suite.table) == (paper, table)
        for row in suite.rows
        for track in suite.tracks_of(row)
    }
    wanted = printed(paper, table)
    assert wanted
    missing = [cell for cell in wanted if cell not in bound]
    assert not missing, f"Table {table} of {paper}: no suite row runs {missing}"


@pytest.mark.parametrize(
    "suite", [pytest.param(s, id=s.name) for s in SUITES if s.table is not None]
)
def test_rows_and_tracks_stand_in_the_papers_order(suite):
    cells = printed(suite.paper, suite.table)
    rows = [row.reported for row in suite.rows if row.reported is not None]
    assert rows == list(dict.fromkeys(row for row, _ in cells))
    assert list(suite.tracks) == list(dict.fromkeys(track for _, track in cells))
