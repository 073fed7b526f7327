"""A generated corpus in AVEC's layouts: the generator's record says that its labels are nobody's.

They are called drawn scores, not BDI-II, whose range and levels they have.
"""

from __future__ import annotations

from adabench.data.corpora.avec2013 import Avec2013Reader
from adabench.data.corpora.avec2014 import Avec2014Reader
from adabench.data.corpora.base import RECORD
from adabench.evaluation.scale import DRAWN_SCORE
from adabench.registry import CORPORA


@CORPORA.register_module("synthface")
class SynthfaceReader(Avec2014Reader):
    """Reads what the generator writes: AVEC 2014's layout; options as of `Avec2014Reader`."""

    name = "synthface"
    licensed = False
    record = RECORD
    scale = DRAWN_SCORE
    fps = None


@CORPORA.register_module("synthface2013")
class Synthface2013Reader(Avec2013Reader):
    """Reads a generated corpus that was copied into AVEC 2013's layout."""

    name = "synthface2013"
    licensed = False
    record = RECORD
    scale = DRAWN_SCORE
    fps = None
