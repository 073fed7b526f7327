# Parts of the two methods exchanged, where the crossing makes sense.
paper = None
table = None
title = "Crossings of ExpADA's and Dep-MAP's parts"
base = "../expada_avec14_freeform.py"
tracks = ("avec14-freeform",)
seeds = (0,)

_depmap = "../depmap_r18_avec14_freeform.py"
_trunk = dict(_delete_=True, type="TimmFrames", name="resnet18", scales=4, weights="timm")
_demo_trunk = dict(weights="stage:trunk", frozen=True)
_identity = dict(_delete_=True, type="Identity")
_keep_all = dict(_delete_=True, type="KeepAll")
_dfs = dict(_delete_=True, type="DFS")
_prototypes = dict(_delete_=True, type="PrototypeMAP")
_ordinal = dict(_delete_=True, type="OrdinalRegressor")
_regressor = dict(_delete_=True, type="UnitRegressor")
_visual = dict(semantics=None, demo=dict(method=dict(backbone=_demo_trunk)))


def _keeps(sampling: float) -> dict[str, object]:
    # MAP keeps about 0.4 of a demo clip's units, as of a real one's frames: 20 segments, or the
    # 57 units that MTE makes of them.
    return dict(method=dict(selector=dict(sdpm=dict(sampling=sampling))))


rows = (
    dict(name="vat_mte_dfs", label="VAT + MTE + DFS (ExpADA)", group="VAT's segments"),
    dict(
        name="vat_mte_keep_all",
        label="VAT + MTE + every unit",
        group="VAT's segments",
        change=dict(method=dict(selector=_keep_all)),
    ),
    dict(
        name="vat_mte_prototype_map",
        label="VAT + MTE + PrototypeMAP",
        group="VAT's segments",
        change=dict(method=dict(selector=_prototypes, head=_regressor), demo=_keeps(sampling=5.6)),
    ),
    dict(
        name="vat_prototype_map",
        label="VAT + PrototypeMAP",
        group="VAT's segments",
        change=dict(
            method=dict(aggregator=_identity, selector=_prototypes, head=_regressor),
            demo=_keeps(sampling=2.6),
        ),
    ),
    dict(
        name="esa_msr_prototype_map",
        label="ESA + MSR + PrototypeMAP (Dep-MAP)",
        group="frames",
        base=_depmap,
    ),
    dict(
        name="esa_msr_dfs",
        label="ESA + MSR + DFS",
        group="frames",
        base=_depmap,
        change=dict(method=dict(selector=_dfs, head=_ordinal)),
    ),
    dict(
        name="visual_msr_dfs",
        label="ResNet-18 + MSR + DFS",
        group="frames",
        base=_depmap,
        change=dict(method=dict(backbone=_trunk, selector=_dfs, head=_ordinal), **_visual),
    ),
    # The demo's rate for frames is made for linear layers; MTE's MLPs over up to 768 channels are thrown
    # about by it: of the squared error on training clips of a development draw 1.0 is left after 30 epochs
    # at 0.02, and 0.22 at 0.005.
    dict(
        name="visual_mte_dfs",
        label="ResNet-18 + MTE + DFS",
        group="frames",
        base=_depmap,
        change=dict(
            method=dict(
                backbone=_trunk,
                aggregator=dict(_delete_=True, type="MTE"),
                selector=_dfs,
                head=_ordinal,
            ),
            semantics=None,
            demo=dict(method=dict(backbone=_demo_trunk), training=dict(optimiser=dict(lr=5e-3))),
        ),
    ),
    dict(
        name="visual_dfs",
        label="ResNet-18 + DFS",
        group="frames",
        base=_depmap,
        change=dict(
            method=dict(backbone=_trunk, aggregator=_identity, selector=_dfs, head=_ordinal),
            **_visual,
        ),
    ),
    dict(
        name="visual_prototype_map",
        label="ResNet-18 + PrototypeMAP",
        group="frames",
        base=_depmap,
        change=dict(
            method=dict(backbone=_trunk, aggregator=_identity),
            **_visual,
        ),
    ),
)
