"""Whether code can be had again: by a commit of its repository, or as a distribution was published."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from adabench.plugins.git import committed
from adabench.plugins.held import Held


def standing_of(held: Held) -> tuple[str | None, bool]:
    """Return the commit that a unit comes from, and whether its bytes can be had again by that.

    Of a distribution: the commit that it was installed from, if from a repository, and whether its
    files are still as they were installed, and not from a folder of somebody's.
    """
    if held.unit.kind == "distribution":
        try:
            return _installed(held, distribution(held.unit.name))
        except PackageNotFoundError:
            return None, False
    return committed({held.unit.files[name]: content for name, content in held.content.items()})


def _installed(held: Held, installed: Distribution) -> tuple[str | None, bool]:
    told: dict[str, Any] = json.loads(installed.read_text("direct_url.json") or "{}")
    hashes = {str(one): one.hash for one in installed.files or ()}
    as_installed = all(
        (known := hashes.get(name)) is not None
        and known.mode == "sha256"
        and known.value == _encoded(content)
        for name, content in held.content.items()
    )
    commit = told.get("vcs_info", {}).get("commit_id")
    return commit, as_installed and "dir_info" not in told


def _encoded(content: bytes) -> str:
    """Return a sha256 as a distribution's list writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
