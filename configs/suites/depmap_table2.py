# Dep-MAP's Table 2: which scales MSR fuses; ESA, SDPM and KDM keep all four.
paper = "depmap"
table = "2"
title = "Spatial scales"
base = "../depmap_r18_avec14.py"
tracks = ("avec14",)
seeds = (0, 1, 2)

_s1 = dict(method=dict(aggregator=dict(scales=(1,))))
_s2 = dict(method=dict(aggregator=dict(scales=(2,))))
_s3 = dict(method=dict(aggregator=dict(scales=(3,))))
_s4 = dict(method=dict(aggregator=dict(scales=(4,))))
_s3_s4 = dict(method=dict(aggregator=dict(scales=(3, 4))))
_s2_s3_s4 = dict(method=dict(aggregator=dict(scales=(2, 3, 4))))

rows = (
    dict(name="s1", label="S1", reported="S1", change=_s1),
    dict(name="s2", label="S2", reported="S2", change=_s2),
    dict(name="s3", label="S3", reported="S3", change=_s3),
    dict(name="s4", label="S4", reported="S4", change=_s4),
    dict(name="s3_s4", label="S3 + S4", reported="S3+S4", change=_s3_s4),
    dict(name="s2_s3_s4", label="S2 + S3 + S4", reported="S2+S3+S4", change=_s2_s3_s4),
    # All four are MSR's default, so that this row is the base.
    dict(name="s1_s2_s3_s4", label="S1 + S2 + S3 + S4", reported="S1+S2+S3+S4"),
)
