"""The file of a fitted estimator carries who it is and no code."""

import os
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.preprocessing import FunctionTransformer

from adabench.engine.files.estimator_file import identity_of, load, save

X, Y = np.random.default_rng(0).random((20, 3)), np.arange(20.0)


def test_it_gives_the_estimator_again(tmp_path):
    fitted = Ridge().fit(X, Y)
    assert save(fitted, tmp_path / "a.skops", {"config_hash": "0123"}) == ""
    assert identity_of(tmp_path / "a.skops") == {"config_hash": "0123"}
    assert load(tmp_path / "a.skops").predict(X).tolist() == fitted.predict(X).tolist()


def test_what_would_run_code_is_neither_kept_nor_read(tmp_path):
    carrier = FunctionTransformer(os.system)
    path = tmp_path / "a.skops"
    path.write_bytes(b"of an earlier run")
    assert "no file may hold posix.system" in save(carrier, path, {})
    assert not path.exists()
    skops.io.dump(carrier, path)
    with pytest.raises(ValueError, match=r"holds posix\.system, which could run code"):
        load(path)


def test_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "a.skops"
    save(Ridge().fit(X, Y), path, {})
    path.write_bytes(path.read_bytes()[:-50])
    for read in (identity_of, load):
        with pytest.raises(ValueError, match="is damaged or was exchanged"):
            read(path)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"name the estimator\.skops of a run's folder"):
        identity_of(tmp_path / "a.skops")
    for name, content in (("text", b"nothing"), ("plain", None)):
        path = tmp_path / f"{name}.skops"
        if content is None:
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("adabench.json", "[]")
        else:
            path.write_bytes(content)
        for read in (identity_of, load):
            with pytest.raises(ValueError, match=r"is not one that tools/train\.py wrote"):
                read(path)
