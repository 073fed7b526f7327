"""The file of a fitted estimator: skops' archive, which runs no code when it is read, and whose it is.

skops builds what scikit-learn documents and numpy holds. `_TRUSTED` are scikit-learn's own classes
beneath those, of arrays and numbers, which skops leaves to whoever reads a file.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from adabench.data.digests import DigestBook
from adabench.engine.files import checkpoints

FITTED = "estimator.skops"

_IDENTITY = "adabench.json"
_KERNELS = ("ConstantKernel", "WhiteKernel", "RBF", "Matern", "DotProduct", "RationalQuadratic")
_TRUSTED = frozenset(
    (
        "sklearn._loss.loss.HalfTweedieLossIdentity",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        *(f"sklearn.gaussian_process.kernels.{name}" for name in (*_KERNELS, "Sum", "Product")),
    )
)


def save(estimator: Any, path: Path, identity: dict[str, Any]) -> str:
    """Write a fitted estimator atomically, and its digest to the book beside it.

    Args:
        estimator: of scikit-learn's.
        path: where.
        identity: plain values that say what it is (config hash, resolved config, …).

    Returns:
        Why nothing is written: types that :func:`load` would refuse; or nothing.
    """
    import skops.io

    content = skops.io.dumps(estimator)
    untrusted = _untrusted(content)
    if untrusted:
        path.unlink(missing_ok=True)
        return f"the fitted estimator is not kept: no file may hold {', '.join(untrusted)}"
    archive = io.BytesIO(content)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(_IDENTITY, json.dumps(identity, indent=1))
    with DigestBook(path.parent).writing(path.name) as temporary:
        temporary.write_bytes(archive.getvalue())
    return ""


def identity_of(path: Path) -> dict[str, Any]:
    """Return the identity that :func:`save` wrote.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, or none that a run wrote.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"checkpoint {path} does not exist; name the {FITTED} of a run's folder"
        )
    checkpoints.refuse_damaged(path)
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read(_IDENTITY))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _no_estimator(path, error) from error
    if not isinstance(found, dict):
        raise _no_estimator(path, f"{_IDENTITY} is a {type(found).__name__}")
    return found


def load(path: Path) -> Any:
    """Return the estimator that :func:`save` wrote; no type is built that is not known to be harmless.

    Raises:
        ValueError: a damaged file, or one that holds other types.
    """
    import skops.io

    checkpoints.refuse_damaged(path)
    content = path.read_bytes()
    try:
        untrusted = _untrusted(content)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise _no_estimator(path, error) from error
    if untrusted:
        raise ValueError(
            f"checkpoint {path} holds {', '.join(untrusted)}, which could run code when it is built; "
            "it is refused: train again"
        )
    return skops.io.loads(content, trusted=sorted(_TRUSTED))


def _untrusted(content: bytes) -> list[str]:
    import skops.io

    return sorted(set(skops.io.get_untrusted_types(data=content)) - _TRUSTED)


def _no_estimator(path: Path, reason: object) -> ValueError:
    return ValueError(
        f"checkpoint {path} is not one that tools/train.py wrote of an estimator ({reason}); name the "
        f"{FITTED} of a run's folder"
    )
