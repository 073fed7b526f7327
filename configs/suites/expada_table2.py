# ExpADA's Table 2: what the encoder learns from, then what selection adds.
paper = "expada"
table = "2"
title = "Training methods"
base = "../expada_avec14.py"
tracks = ("avec13", "avec14-freeform", "avec14-northwind")
seeds = (0, 1, 2)

# The encoder stage, run as a method: mean over segments. Base regression has no level loss.
_regressor = dict(_delete_=True, type="UnitRegressor", loss_on="unit")

rows = (
    dict(
        name="base_regression",
        label="Base regression",
        reported="base_regression",
        stage="encoder",
        change=dict(
            stages=dict(encoder=dict(method=dict(head=_regressor))),
            demo=dict(stages=dict(encoder=dict(method=dict(head=dict(hidden=64))))),
        ),
    ),
    dict(
        name="ordinal_regression",
        label="Ordinal regression",
        reported="ordinal_regression",
        stage="encoder",
    ),
    dict(name="feature_selection", label="Feature selection", reported="feature_selection"),
)
