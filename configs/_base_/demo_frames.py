# Views and schedule of demos that see frames: what two CPU cores train in minutes.
_base_ = "demo.py"

demo = dict(
    views=dict(
        train=dict(type="StridedView", frames=16),
        test=dict(type="StridedView", frames=16),
        select=dict(type="StridedView", frames=16, phases=2),
        variants=6,
        augment=dict(shift=0.06, zoom=0.1, rotate=8, saturation=0.5),
    ),
    training=dict(
        epochs=30,
        optimiser=dict(type="AdamW", lr=2e-2, weight_decay=0.1),
        warmup_epochs=5,
        validate_every=3,
        workers=0,
    ),
)
