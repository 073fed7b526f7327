"""What ``import adabench`` does, and what it leaves alone."""

import os
import subprocess
import sys

import pytest

PROBE = """
import os, sys
import adabench
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"), "torch" in sys.modules)
"""


@pytest.mark.parametrize(
    ("set_before", "expected"),
    [
        ({}, "1000 None False"),
        ({"GOMP_SPINCOUNT": "77"}, "77 None False"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None ACTIVE False"),
    ],
)
def test_threads_spin_for_a_short_time_unless_the_user_said_otherwise(set_before, expected):
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, env={**plain, **set_before}
    )
    assert done.stdout.strip() == expected, done.stderr


def test_it_is_set_when_torch_is_imported_here():
    assert "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ
