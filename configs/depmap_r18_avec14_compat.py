# Dep-MAP as its authors' public code has it, where a result stays meaningful; the README lists each field.
_base_ = "depmap_r18_avec14.py"

paper_compat = True
method = dict(
    backbone=dict(trunk=dict(weights=None), held=True),
    aggregator=dict(source="visual", clip_mean=True),
    selector=dict(
        points=True,
        tokens=dict(kind="hard"),
        sdpm=dict(momentum=0.999, other=True),
        kdm=dict(refined=True),
        map=dict(mode="sparse_hits", softmax=True, cross_entropy=0.1, gate=0.1),
    ),
)
data = dict(size=128)
views = dict(
    train=dict(_delete_=True, type="WindowView", frames=50),
    test=dict(_delete_=True, type="WindowView", frames=50, centre=True),
    augment=None,
)
_window = dict(_delete_=True, type="WindowView", frames=25)
demo = dict(
    views=dict(
        train=_window, test=dict(centre=True, **_window), select=None, augment=None, variants=1
    )
)
