# Dep-MAP's λ, and the choices of its authors' public code one by one. No paper prints these numbers.
paper = "depmap"
table = None
title = "The weight of the contrastive loss, and the authors' choices"
base = "../depmap_r18_avec14.py"
tracks = ("avec14",)
seeds = (0,)


_weights = "λ, beside errors of standardised scores"
_points = "λ, beside errors in points"
_authors = "the authors' choices"


def _row(group: str, name: str, label: str, **parts: object) -> dict[str, object]:
    changed = dict(change=dict(method=parts)) if parts else {}
    return dict(name=name, label=label, group=group, **changed)


def _selector(group: str, name: str, label: str, **changes: object) -> dict[str, object]:
    return _row(group, name, label, selector=changes)


rows = (
    _selector(_weights, "lambda_0", "0", kdm=None),
    _selector(_weights, "lambda_001", "0.01", kdm=dict(weight=0.01)),
    _row(_weights, "lambda_01", "0.1"),
    _selector(_weights, "lambda_1", "1", kdm=dict(weight=1.0)),
    _selector(_points, "points", "0.1", points=True),
    _selector(_points, "literal_kdm", "0.1, Eq 14 as printed", kdm=dict(literal=True)),
    _selector(_authors, "hard_tokens", "hard tokens", tokens=dict(kind="hard")),
    _selector(_authors, "other", 'the set "other"', sdpm=dict(other=True)),
    _selector(_authors, "refined", "KDM on MSR's refined maps", kdm=dict(refined=True)),
    # A demo has it; there the row is the method without.
    dict(
        _row(_authors, "cross_entropy", "cross-entropy of the levels (demo: none)"),
        change=dict(
            method=dict(selector=dict(map=dict(cross_entropy=0.1))),
            demo=dict(method=dict(selector=dict(map=dict(cross_entropy=0.0)))),
        ),
    ),
    _selector(_authors, "gate", "gate before MAP", map=dict(gate=0.1)),
    _selector(_authors, "sparse_hits", "MAP by hits", map=dict(mode="sparse_hits")),
    _selector(
        _authors,
        "softmax_hits",
        "MAP by the softmax of hits",
        map=dict(mode="sparse_hits", softmax=True),
    ),
    _row(_authors, "visual_maps", "MSR on the visual maps", aggregator=dict(source="visual")),
    _row(_authors, "clip_mean", "the clip's mean in MSR's tail", aggregator=dict(clip_mean=True)),
    dict(
        _row(_authors, "paper_compat", "all that the compat config takes"),
        base="../depmap_r18_avec14_compat.py",
    ),
)
