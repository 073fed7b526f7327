"""What could have been meant by a name that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> str:
    """Return `` Did you mean 'x' or 'y'?`` with the nearest names, or an empty text.

    Args:
        name: as it was written; capital letters don't count.
        known: what there is.
        most: names that are told.
        cutoff: how like they have to be, 0 to 1.

    >>> did_you_mean("frmes", ["frames", "phases"])
    " Did you mean 'frames'?"
    """
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), folded, n=most, cutoff=cutoff)
    return f" Did you mean {' or '.join(repr(folded[each]) for each in near)}?" if near else ""
