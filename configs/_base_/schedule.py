# Schedule, views and data that real runs share: the authors' training of Dep-MAP.
training = dict(
    epochs=100,
    batch_size=8,
    optimiser=dict(type="AdamW", lr=1e-4, weight_decay=1e-4),
    warmup_epochs=1,
    clip_grad=1.0,
    workers=4,
)
views = dict(
    train=dict(type="StridedView", frames=50),
    test=dict(type="StridedView", frames=50),
    augment=dict(type="ClipAugment", flip=0.5, brightness=0.2, contrast=0.2, saturation=0.2),
)
data = dict(size=112)
