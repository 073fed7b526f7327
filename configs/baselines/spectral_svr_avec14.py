# Spectra of action units, gaze and pose (Song 2022), and support vector regression.
_base_ = "../_base_/signals_estimator.py"

method = dict(name="Spectral-SVR", extractor=dict(type="SpectralSignals", resolution=256, bins=80))
# A clip of the generated corpus has 200 frames, at 10 a second.
demo = dict(method=dict(extractor=dict(resolution=64, bins=33)))
