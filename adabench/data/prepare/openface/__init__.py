"""What OpenFace left of a clip: its table of signals, and the aligned faces."""
