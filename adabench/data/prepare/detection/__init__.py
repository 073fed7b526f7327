"""Faces found in frames, followed from look to look, smoothed, and cut out."""
