# Trained on train and dev together for the config's epochs; the last weights are tested, none are selected.
protocol = dict(name="train+dev", train=("train", "dev"), validate=())
