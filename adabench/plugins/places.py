"""What code is the repository's own, and what comes from outside.

Outside is what is neither tracked in the repository's git nor in the file list of the distribution
``adabench``, so that an untracked file below ``plugins/`` is outside too.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from adabench.plugins.git import tracked_files

#: The package that the repository's ``plugins/`` folder is installed as.
INSTALLED = "adabench_plugins"
#: The package that a user's own plugins are imported below.
USER = "adabench_user_plugins"

CORE = Path(__file__).resolve().parents[1]

#: What adabench itself requires: a record lists its versions, whoever uses it.
_REQUIRED = frozenset(
    (
        *("builtins", "torch", "torchvision", "timm", "mmengine", "mmcv", "mmaction", "cv2", "av"),
        *("numpy", "pandas", "pydantic", "sklearn", "scipy", "open_clip", "tqdm", "matplotlib"),
    )
)


def is_required(module: str) -> bool:
    """Whether a module is Python's, or of a package that adabench itself requires."""
    top = module.partition(".")[0]
    return top in _REQUIRED or (top in sys.stdlib_module_names and top != "__main__")


def is_own(file: Path) -> bool:
    """Whether a file is the repository's own, by git or by the distribution's list.

    A copy that neither knows can't tell its own files from others: what lies in its folders is its own.
    """
    own = _own_files()
    if own is not None:
        return os.path.realpath(file) in own
    folders = [CORE, *installed_folders()]
    if not {"site-packages", "dist-packages"} & set(CORE.parts):
        folders.append(CORE.parent)
    return any(file.resolve().is_relative_to(folder) for folder in folders)


def installed_folders() -> list[Path]:
    """Return where the package ``adabench_plugins`` lies; nothing is imported."""
    spec = importlib.util.find_spec(INSTALLED)
    places = spec.submodule_search_locations if spec is not None else None
    return [Path(place).resolve() for place in places or ()]


@functools.cache
def _own_files() -> frozenset[str] | None:
    marker = str(CORE / "__init__.py")
    # A user may keep adabench in a repository of their own, beside their plugins.
    tracked = tracked_files(CORE.parent)
    if marker in tracked:
        return tracked
    try:
        listed = distribution("adabench").files or []
    except PackageNotFoundError:
        return None
    names = frozenset(os.path.realpath(str(one.locate())) for one in listed)
    return names if marker in names else None
