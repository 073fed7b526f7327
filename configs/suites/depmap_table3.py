# Dep-MAP's Table 3: modules, then trunks. A module that is off is not built.
paper = "depmap"
table = "3"
title = "Modules and trunks"
base = "../depmap_r18_avec14.py"
tracks = ("avec14-northwind", "avec14-freeform")
seeds = (0, 1, 2)

# Without the emotional branch: the trunk alone, no semantic vectors.
_trunk = dict(_delete_=True, type="TimmFrames", name="resnet18", scales=4, weights="timm")
_demo_trunk = dict(weights="stage:trunk", frozen=True)
_keep_all = dict(_delete_=True, type="KeepAll")

rows = (
    dict(
        name="r18_visual",
        label="ResNet-18, visual",
        reported="r18_visual",
        change=dict(
            method=dict(
                backbone=_trunk,
                aggregator=dict(_delete_=True, type="Identity"),
                selector=_keep_all,
            ),
            semantics=None,
            demo=dict(method=dict(backbone=_demo_trunk)),
        ),
    ),
    dict(
        name="r18_visual_msr",
        label="ResNet-18, visual, MSR",
        reported="r18_visual_msr",
        change=dict(
            method=dict(backbone=_trunk, selector=_keep_all),
            semantics=None,
            demo=dict(method=dict(backbone=_demo_trunk)),
        ),
    ),
    dict(
        name="r18_visual_emotional_msr_esa",
        label="ResNet-18, visual + emotional, MSR + ESA",
        reported="r18_visual_emotional_msr_esa",
        change=dict(method=dict(selector=_keep_all)),
    ),
    dict(
        name="r18_msr_esa_sdpm_map",
        label="ResNet-18, visual + emotional, MSR + ESA + SDPM + MAP",
        reported="r18_msr_esa_sdpm_map",
        change=dict(method=dict(selector=dict(kdm=None))),
    ),
    dict(
        name="r18_msr_esa_sdpm_kdm",
        label="ResNet-18, visual + emotional, MSR + ESA + SDPM + KDM",
        reported="r18_msr_esa_sdpm_kdm",
        change=dict(method=dict(selector=dict(map=None))),
    ),
    dict(
        name="r18_full",
        label="ResNet-18, visual + emotional, MSR + ESA + SDPM + KDM + MAP",
        reported="r18_full",
    ),
    dict(
        name="r34_full",
        label="ResNet-34, visual + emotional, MSR + ESA + SDPM + KDM + MAP",
        reported="r34_full",
        change=dict(
            method=dict(backbone=dict(trunk=dict(name="resnet34"))),
            # The demo's trunk is pretrained at home, by a stage that has to train the same one.
            demo=dict(stages=dict(trunk=dict(trunk=dict(name="resnet34")))),
        ),
    ),
    dict(
        name="r50_full",
        label="ResNet-50, visual + emotional, MSR + ESA + SDPM + KDM + MAP",
        reported="r50_full",
        change=dict(
            method=dict(backbone=dict(trunk=dict(name="resnet50"))),
            # A bottleneck gives four times its channels.
            demo=dict(
                stages=dict(
                    trunk=dict(trunk=dict(name="resnet50", options=dict(channels=(8, 16, 32, 64))))
                )
            ),
        ),
    ),
)
