"""Packages that only some extractors need."""

from __future__ import annotations

import importlib.util


def need_package(reader: str, module: str, distribution: str) -> None:
    """Refuse an extractor whose package is not installed; nothing is imported for it.

    Args:
        reader: the extractor, for the message.
        module: that it imports.
        distribution: by which pip knows it; one of the extra ``classic``.

    Raises:
        ValueError: with the command that installs it.
    """
    if importlib.util.find_spec(module) is None:
        raise ValueError(
            f"{reader} needs the package {distribution}, which is not installed: pip install "
            f"{distribution}, or adabench with all that the classic extractors need: pip install -e "
            "'.[classic]'"
        )
