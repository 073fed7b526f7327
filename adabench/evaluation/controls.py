"""Names of the controls that every method is held against."""

from __future__ import annotations

#: The mean of the training scores, for every session: a method above it has learnt nothing.
CONSTANT = "constant"

#: A method on training labels that were dealt out anew among sessions: it must not beat the constant.
SHUFFLED = "shuffled labels"

#: Ridge regression on a clip's length, light, border and tracking: it reads no face.
NUISANCE = "nuisance numbers"

#: The mean training score of the same person, who else is given the constant: it sees no clip at all.
PERSONS = "known persons"

#: Where one of these beats the constant, a method may do so without reading a face.
FACELESS = (NUISANCE, PERSONS)

CONTROLS = (CONSTANT, SHUFFLED, *FACELESS)
