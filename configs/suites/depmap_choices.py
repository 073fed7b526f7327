# Dep-MAP's λ, and the choices of its authors' public code one by one. No paper prints these numbers.
paper = "depmap"
table = None
title = "The weight of the contrastive loss, and the authors' choices"
base = "../depmap_r18_avec14.py"
tracks = ("avec14",)
seeds = (0,)


def _selector(**change: object) -> dict[str, object]:
    return dict(method=dict(selector=change))


_weights = "λ, beside errors of standardised scores"
_points = "λ, beside errors in points"
_authors = "the authors' choices"

rows = (
    dict(name="lambda_0", label="0", group=_weights, change=_selector(kdm=None)),
    dict(name="lambda_001", label="0.01", group=_weights, change=_selector(kdm=dict(weight=0.01))),
    dict(name="lambda_01", label="0.1", group=_weights),
    dict(name="lambda_1", label="1", group=_weights, change=_selector(kdm=dict(weight=1.0))),
    dict(name="points", label="0.1", group=_points, change=_selector(points=True)),
    dict(
        name="literal_kdm",
        label="0.1, Eq 14 as printed",
        group=_points,
        change=_selector(kdm=dict(literal=True)),
    ),
    dict(
        name="hard_tokens",
        label="hard tokens",
        group=_authors,
        change=_selector(tokens=dict(kind="hard")),
    ),
    dict(
        name="other",
        label='the set "other"',
        group=_authors,
        change=_selector(sdpm=dict(other=True)),
    ),
    dict(
        name="refined",
        label="KDM on MSR's refined maps",
        group=_authors,
        change=_selector(kdm=dict(refined=True)),
    ),
    dict(
        name="cross_entropy",
        label="cross-entropy of the levels",
        group=_authors,
        change=_selector(map=dict(cross_entropy=0.1)),
    ),
    dict(
        name="gate", label="gate before MAP", group=_authors, change=_selector(map=dict(gate=0.1))
    ),
    dict(
        name="sparse_hits",
        label="MAP by hits",
        group=_authors,
        change=_selector(map=dict(mode="sparse_hits")),
    ),
    dict(
        name="softmax_hits",
        label="MAP by the softmax of hits",
        group=_authors,
        change=_selector(map=dict(mode="sparse_hits", softmax=True)),
    ),
    dict(
        name="visual_maps",
        label="MSR on the visual maps",
        group=_authors,
        change=dict(method=dict(aggregator=dict(source="visual"))),
    ),
    dict(
        name="clip_mean",
        label="the clip's mean in MSR's tail",
        group=_authors,
        change=dict(method=dict(aggregator=dict(clip_mean=True))),
    ),
    dict(
        name="paper_compat",
        label="all that the compat config takes",
        group=_authors,
        base="../depmap_r18_avec14_compat.py",
    ),
)
