# Dep-MAP with those choices of its authors' code that leave a result meaningful (see the plugin's README).
_base_ = "depmap_r18_avec14.py"

paper_compat = True
method = dict(
    backbone=dict(trunk=dict(weights=None)),
    selector=dict(tokens=dict(kind="hard"), sdpm=dict(momentum=0.999), kdm=dict(literal=True)),
)
views = dict(
    train=dict(_delete_=True, type="WindowView", frames=50),
    test=dict(_delete_=True, type="WindowView", frames=50, centre=True),
)
demo = dict(
    views=dict(
        train=dict(_delete_=True, type="WindowView", frames=16),
        test=dict(_delete_=True, type="WindowView", frames=16, centre=True),
        select=None,
    )
)
