# Five folds over persons, severity levels spread evenly: a run each, and one record of all sessions.
protocol = dict(kind="folds", k=5, validation=0.2, seed=0)
