"""The config of the authors' choices, held against what the README says of it."""

import ast
import re
from pathlib import Path

import pytest
import torch
from adabench_plugins.depmap.sparsity import key_count

from adabench.config.reading.load import load_config

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "configs"
README = ROOT / "plugins" / "depmap" / "README.md"
ABSENT = "left out"
ROW = re.compile(r"^\| `([\w.]+)` \| `([^`]+)` \|", re.MULTILINE)


def resolved(name, *, demo=False):
    return load_config(CONFIGS / f"{name}.py", demo=demo).model_dump(exclude={"name"})


def differing(before, after, path=""):
    """Yield the path and new value of each field that differs."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        if before != after:
            yield path, after
        return
    for key in {**before, **after}:
        step = f"{path}.{key}" if path else key
        # A dict of options that was not there holds nothing before.
        was = before.get(key, {} if isinstance(after.get(key), dict) else ABSENT)
        yield from differing(was, after.get(key, ABSENT), step)


def test_it_differs_from_the_default_in_exactly_what_the_readme_lists():
    section = README.read_text().partition("### The authors' choices")[2].partition("\n### ")[0]
    listed = {field: ast.literal_eval(value) for field, value in ROW.findall(section)}
    found = dict(differing(resolved("depmap_r18_avec14"), resolved("depmap_r18_avec14_compat")))
    assert found == listed


def test_what_it_shares_with_the_default_is_the_authors_too():
    compat = resolved("depmap_r18_avec14_compat")
    training = compat["training"]
    assert compat["fusion"] == "joint"
    assert training["optimiser"] == {"type": "AdamW", "lr": 1e-4, "weight_decay": 1e-4}
    assert (training["batch_size"], training["epochs"], training["warmup_epochs"]) == (8, 100, 1)
    assert training["clip_grad"] == 1.0
    assert compat["views"]["train"]["frames"] == 50


@pytest.mark.parametrize("demo", [False, True], ids=["real", "demo"])
@pytest.mark.parametrize("name", ["depmap_r18_avec14", "depmap_r18_avec14_compat"])
def test_map_keeps_the_authors_share_of_frames(name, demo):
    content = resolved(name, demo=demo)
    frames = content["views"]["test"]["frames"]
    factor = content["method"]["selector"].get("sdpm", {}).get("sampling", 5.0)
    assert int(key_count(torch.tensor([frames]), factor)) == round(0.4 * frames)


@pytest.mark.parametrize(("frames", "factor"), [(16, 2.0), (25, 3.0), (50, 5.0)])
def test_these_factors_give_the_authors_share(frames, factor):
    assert int(key_count(torch.tensor([frames]), factor)) == round(0.4 * frames)
