# Trained on AVEC 2013 without the persons who are tested; a demo's training corpus has a seed of its own.
protocol = dict(kind="cross-corpus", source="avec13", synthface=dict(seed=3108))
