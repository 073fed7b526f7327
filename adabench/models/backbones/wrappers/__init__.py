"""Backbones around others: what a trunk sees of a segment or frame, and several trunks side by side."""
