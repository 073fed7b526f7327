# Spectra of action units, gaze and pose (Song 2022), and a hidden layer.
_base_ = "signals_avec14.py"

method = dict(
    name="Spectral-MLP",
    backbone=dict(type="SpectralStep", resolution=256, bins=80),
    head=dict(hidden=32, loss="l1"),
)
# All frames of a clip: others would be other frequencies.
views = dict(train=dict(frames=20_000), test=dict(frames=20_000), augment=None)
# A clip of the generated corpus has 200 frames, at 10 a second.
_all = dict(frames=200)
_views = dict(train=_all, test=_all, select=_all, augment=None)
demo = dict(method=dict(backbone=dict(resolution=64, bins=33)), views=_views)
