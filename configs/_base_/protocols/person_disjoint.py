# All sessions divided anew: nobody in two parts, severity levels spread evenly.
protocol = dict(kind="person-disjoint", shares=(0.6, 0.2, 0.2), seed=0)
