"""Other ways to keep a clip's frames in a file, against which the kept one is measured.

``prepare`` writes :class:`adabench.data.store.JpegPack` alone. What stands here is as complete as a
fair measurement needs (atomic writing, reading in any order) and no more: no checksums, no care for
damaged files. ``tools/profile.py store`` measures them all.
"""

from adabench.data.stores.candidates import CANDIDATES, KEPT, Candidate, find_candidates

__all__ = ["CANDIDATES", "KEPT", "Candidate", "find_candidates"]
