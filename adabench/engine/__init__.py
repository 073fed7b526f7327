"""Build and run one experiment, from its resolved config to its record.

`run` is the line, `kinds` what differs between kinds of method. `data` is read, `stages` and `caches` are
made and found again, `training` fits, `testing` predicts, `recording` writes down, `files` keeps.
"""
