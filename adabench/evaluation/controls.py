"""Names of the controls that every method is held against."""

from __future__ import annotations

#: The mean of the training scores, for every session: a method above it has learnt nothing.
CONSTANT = "constant"

#: A method on training labels that were dealt out anew among sessions: it must not beat the constant.
SHUFFLED = "shuffled labels"
