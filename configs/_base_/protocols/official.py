# The corpus's own splits. AVEC's are disjoint in sessions, not in persons.
protocol = dict(kind="splits")
