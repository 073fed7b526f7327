# Both papers' methods where the score shows in key moments, throughout the clip, and nowhere. The worlds
# stand side by side: which of them people are like, nobody knows. On a recorded corpus the rows of a
# method are one run.
paper = None
table = None
title = "Worlds of drawn faces"
base = "../depmap_r18_avec14_freeform.py"
tracks = ("avec14-freeform",)
seeds = (0, 1, 2)

_methods = (
    ("expada", "ExpADA", "../expada_avec14_freeform.py"),
    ("depmap", "Dep-MAP", "../depmap_r18_avec14_freeform.py"),
)


def _row(world: str, name: str, label: str, base: str) -> dict:
    # As every other suite's rows where the score shows in key moments.
    drawn = {} if world == "sparse" else dict(demo=dict(data=dict(synthface=dict(world=world))))
    return dict(
        name=f"{name}_{world}", label=label, group=f"world {world}", base=base, change=drawn
    )


rows = tuple(_row(world, *method) for world in ("sparse", "diffuse", "none") for method in _methods)
