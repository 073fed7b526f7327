"""Which installed distribution a file comes from, and what names its code.

Installed is what was copied by its list (``RECORD``). What an editable install runs lies in a folder of
somebody's, and so does what is found by a path: these are edited, and count as folders.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)
from pathlib import Path


def listed_files(installed: Distribution) -> dict[str, Path]:
    """Return name → real path of what is in a distribution's list and there; none of an editable one."""
    if not _is_copied(installed):
        return {}
    paths = {str(one): Path(os.path.realpath(str(one.locate()))) for one in installed.files or ()}
    return {name: path for name, path in paths.items() if path.is_file()}


def distribution_of(module: str, file: Path) -> Distribution | None:
    """Return the distribution that installed a module's file, if one did.

    Args:
        module: its name, or that of its top package.
        file: real path.
    """
    for name in _by_module(tuple(sys.path)).get(module.partition(".")[0], ()):
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        # Lists are long: a path is followed only where the name is the file's.
        near = (one for one in found.files or () if one.name == file.name)
        if _is_copied(found) and any(os.path.realpath(str(n.locate())) == str(file) for n in near):
            return found
    return None


def version_of(installed: Distribution) -> str:
    """Return what names a distribution's code.

    That is its version. One that was installed from a folder, a repository or an archive may keep its
    version while its code changes: of it, the sha256 of its list's digests is added, without the files
    that tell how and where it was installed.
    """
    if installed.read_text("direct_url.json") is None:
        return installed.version
    code = (one for one in installed.files or () if not one.parts[0].endswith((".dist-info", "..")))
    listed = sorted(f"{one} {one.hash.value}" for one in code if one.hash is not None)
    sha256 = hashlib.sha256("\n".join(listed).encode()).hexdigest()
    return f"{installed.version} sha256:{sha256[:16]}"


@functools.lru_cache(maxsize=4)
def _by_module(path: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return top module → distributions, of what is found on a path."""
    del path
    return packages_distributions()


def _is_copied(installed: Distribution) -> bool:
    """Whether a list tells what was installed; a folder of sources may hold the list of what it holds."""
    told = json.loads(installed.read_text("direct_url.json") or "{}")
    editable = told.get("dir_info", {}).get("editable", False)
    return installed.read_text("RECORD") is not None and not editable
