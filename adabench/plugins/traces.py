"""Where in a plugin an error was raised."""

from __future__ import annotations

import os
import traceback

from adabench.plugins.held import HOLDER


def place_in_plugin(error: BaseException | None) -> str:
    """Return ``file:line, in function`` of the last line from outside the repository before an error.

    What it was raised from is looked at too; the text is empty where no plugin had a part in it.
    """
    files = {
        os.path.realpath(p) for held in HOLDER.units.values() for p in held.unit.files.values()
    }
    found = ""
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if os.path.realpath(frame.filename) in files]
        found = f"{own[-1].filename}:{own[-1].lineno}, in {own[-1].name}" if own else found
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found
