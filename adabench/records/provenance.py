"""Where a number comes from: hardware, package versions, commit, changes of the working tree."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path

from adabench.plugins.fingerprints import code_record, requirements_of
from adabench.plugins.git import ANYBODYS, surroundings

PACKAGES = (
    "adabench",
    "torch",
    "torchvision",
    "timm",
    "mmengine",
    "mmcv-lite",
    "mmaction2",
    "numpy",
    "scikit-learn",
    "opencv-python",
    "av",
    "open_clip_torch",
)

# A patch has to apply anywhere, however a user's git shows differences to its user.
_DIFF = (
    "diff",
    "--binary",
    "--no-renames",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--unified=3",
    "--inter-hunk-context=0",
    "--submodule=short",
    "--ignore-submodules=none",
    f"-O{os.devnull}",
)
_SETTINGS = (
    *ANYBODYS,
    *("-c", "core.quotePath=true"),
    *("-c", "status.showUntrackedFiles=normal"),
    *("-c", "diff.suppressBlankEmpty=false"),
)


def hardware(*, threads: int, gpu: str | None) -> dict[str, str | int]:
    """Return the processor, its cores, and the GPU where there is one.

    Args:
        threads: that the run used.
        gpu: its name; both are told by whoever runs torch.
    """
    found: dict[str, str | int] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
    }
    if gpu is not None:
        found["gpu"] = gpu
    return found


def load() -> dict[str, int | float]:
    """Return the machine's cores and the mean number of running processes over the last minute."""
    cores = os.cpu_count() or 1
    try:
        return {"cores": cores, "load_average": round(os.getloadavg()[0], 2)}
    except OSError:
        return {"cores": cores}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def packages(code: Mapping[str, str] | None = None) -> dict[str, str]:
    """Versions of the packages that a result may depend on.

    Args:
        code: of a resolved config; what its units import counts too.
    """
    found = requirements_of(code or {})
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def environment() -> str:
    """Return Python's version and every installed distribution, ``name==version``, one a line."""
    found = _installed(tuple(sys.path))
    return "\n".join([f"python=={platform.python_version()}", *sorted(found, key=str.lower), ""])


@cache
def _installed(path: tuple[str, ...]) -> frozenset[str]:
    """Return every distribution on a search path; there are hundreds, which take long to read."""
    told = [distribution.metadata for distribution in distributions(path=list(path))]
    return frozenset(f"{one['Name']}=={one['Version']}" for one in told if one["Name"])


def commit(code: Mapping[str, str] | None = None) -> tuple[str | None, bool | None]:
    """Return adabench's commit and whether its tree is clean; None where it is no checkout.

    Args:
        code: of a resolved config; where one of its units is in no commit, nothing is clean.
    """
    foreign = code_record(code or {}).values()
    unclean = any(not told["clean"] for told in foreign)
    if not _is_checkout():
        return None, False if unclean else None
    head, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    clean = None if status is None else not status.strip()
    return None if head is None else head.strip(), False if unclean else clean


def unknown_commit(commit: str) -> Iterator[str]:
    """Yield why a commit can't be looked up, if it can't: it is none, or not in adabench's checkout."""
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", commit) is None:
        yield f"its commit {commit[:80]!r} is no commit's hash, which has 40 or 64 hexadecimal digits"
    elif not _is_checkout() or _git("cat-file", "-e", f"{commit}^{{commit}}") is None:
        yield f"its commit {commit} is not in adabench's repository here; fetch it first"


def schema_at(commit: str) -> int | None:
    """Return the schema version of records that adabench wrote at a commit; None if it can't be told."""
    if next(unknown_commit(commit), None) is not None:
        return None
    found = _git(
        "grep", "-h", "-E", "^SCHEMA_VERSION(: Final)? = [0-9]+$", commit, "--", ":/adabench"
    )
    versions = re.findall(r"= (\d+)$", found or "", re.MULTILINE)
    return int(versions[0]) if len(versions) == 1 else None


def changes() -> str | None:
    """Return what the working tree changes against its commit, as a patch, new ``.py`` files included.

    Other new files, known to git or not, are named only: they may be data, which a licence may
    cover. None for a clean tree, and where adabench is no checkout.
    """
    if not _is_checkout() or not (_git("status", "--porcelain") or "").strip():
        return None
    top = Path((_git("rev-parse", "--show-toplevel") or ".").strip())
    new = _names(_git("ls-files", "-z", "--others", "--exclude-standard", at=top))
    given = _names(
        _git("diff", "--name-only", "-z", "--diff-filter=A", "--no-renames", "HEAD", at=top)
    )
    data = [name for name in given if not name.endswith(".py")]
    left_out = [*data, *(name for name in new if not name.endswith(".py"))]
    named = "".join(f"# new, left out: {name}\n" for name in left_out)
    added = "".join(_as_patch(top, name) for name in new if name.endswith(".py"))
    paths = [".", *(f":(exclude,literal){name}" for name in data)]
    changed = _git(*_DIFF, "HEAD", "--", *paths, at=top)
    return named + (changed or "") + added


def _names(listed: str | None) -> list[str]:
    return [name for name in (listed or "").split("\0") if name]


def _as_patch(top: Path, name: str) -> str:
    # git ends with 1 where two files differ, as these always do.
    return _git(*_DIFF, "--no-index", "--", os.devnull, name, at=top, ends=(0, 1)) or ""


def _is_checkout() -> bool:
    """Whether this file is under version control; an environment may lie in another project's tree."""
    return _git("ls-files", "--error-unmatch", Path(__file__).name) is not None


def _git(*arguments: str, at: Path | None = None, ends: tuple[int, ...] = (0,)) -> str | None:
    here = at or Path(__file__).resolve().parent
    try:
        run = subprocess.run(
            ["git", "-C", str(here), *_SETTINGS, *arguments],
            capture_output=True,
            env=surroundings(),
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Not as text: a patch keeps the line ends of its files, whatever the terminal's encoding is.
    return run.stdout.decode(errors="replace") if run.returncode in ends else None
