"""A scale as a user names it: one that is known, a file that describes one, or what that holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adabench.data.corpora.layout import near, parsed
from adabench.evaluation.scale import SCALES, Scale, scale_from


def read_scale(given: Scale | str | Path | Mapping[str, Any]) -> Scale:
    """Return the scale that ``given`` stands for.

    Args:
        given: a name in ``SCALES``, in whatever case; the path of a TOML or JSON file with the keys
            of `scale_from`; or those.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: neither a name nor a file, or what it holds describes none.
    """
    if isinstance(given, Scale):
        return given
    if isinstance(given, Mapping):
        return scale_from(given)
    known = SCALES.get(str(given).lower())
    if known is not None:
        return known
    path = Path(given)
    if path.suffix.lower() not in (".toml", ".json"):
        raise ValueError(
            f"scale: no scale is called {path.name!r}{near(path.name.lower(), SCALES)}; or name a "
            ".toml or .json file that describes one"
        )
    content = parsed(path, "--scale")
    try:
        if not isinstance(content, dict):
            raise ValueError(f"scale: expected keys and values, got {type(content).__name__}")
        return scale_from(content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
