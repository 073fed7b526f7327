"""Options that shrink a demo fit the configs that they are for."""

from pathlib import Path

import pytest

from adabench.config.reading.load import load_config
from adabench.engine.building import preflight
from adabench.plugins import load_plugins
from adabench.testing.tiny import tiny_options

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ("depmap_r18_avec14.py", {}),
        ("depmap_r18_avec14_compat.py", {"select": False}),
        ("expada_avec14_freeform.py", {"encoder": True}),
    ],
)
def test_a_tiny_run_can_be_built(tmp_path, config, options):
    load_plugins()
    run = load_config(CONFIGS / config, demo=True, overrides=tiny_options(tmp_path, **options))
    preflight(run)
    assert (run.views.select is None) == (options.get("select") is False or "encoder" in options)
