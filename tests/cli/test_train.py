"""README's own selector, trained by README's own command, at a tiny size."""

import re
import shlex
from pathlib import Path

import pytest

from adabench.records.files.results import read_records
from adabench.testing.tiny import tiny_options

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def from_readme():
    """The selector's code and the command that trains it."""
    section = README.split("## Your own part")[1].split("\n## ")[0]
    code = re.search(r"```python\n(.*?)```", section, re.S).group(1)
    command = re.search(r"```bash\n(.*?)```", section, re.S).group(1).strip()
    return code, command


@pytest.fixture
def run(forks):
    """Runs a tool in a folder."""
    return forks.run


@pytest.fixture
def data(tiny):
    """The folder of corpora and caches that these runs share with others."""
    return tiny.root / "data"


def arguments_of(command, data):
    words = shlex.split(command)
    assert words.pop(0) == "python"
    words[0] = str(ROOT / words[0])
    words[1] = str(ROOT / words[1])
    return [*words, *tiny_options(data)]


def test_selector_is_about_25_lines():
    assert len(from_readme()[0].splitlines()) <= 28


@pytest.mark.timeout(600)
def test_readme_selector_trains(run, data, tmp_path):
    code, command = from_readme()
    (tmp_path / "my_plugins").mkdir()
    (tmp_path / "my_plugins" / "soft_top.py").write_text(code)
    done = run(arguments_of(command, data), tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Dep-MAP with SoftTop" in done.stdout
    records, problems = read_records(tmp_path / "leaderboard" / "local")
    assert not problems
    assert "Dep-MAP with SoftTop" in [r.method for r in records]


def test_broken_plugin_stops_only_who_needs_it(run, data, tmp_path):
    _, command = from_readme()
    (tmp_path / "my_plugins").mkdir()
    (tmp_path / "my_plugins" / "soft_top.py").write_text("import no_such_module\n")
    done = run(arguments_of(command, tmp_path / "data"), tmp_path)
    assert done.returncode == 2
    assert "soft_top" in done.stderr
    assert "no_such_module" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()
    fine = [w for w in arguments_of(command, data) if not w.startswith("method.selector")]
    config = fine.index(str(ROOT / "configs" / "depmap_r18_avec14.py"))
    fine[config] = str(ROOT / "configs" / "constant_avec14.py")
    fine = [w for w in fine if not w.startswith(("method.name", "stages", "training"))]
    # Who names a broken plugin is not left to wonder what ran in its place.
    done = run(fine, tmp_path)
    assert done.returncode == 2
    assert "named by --plugins" in done.stderr
    at = fine.index("--plugins")
    done = run([*fine[:at], *fine[at + 2 :]], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["configs/depmap_r18.py"], "does not exist; did you mean"),
        (["configs/depmap_r18_avec14.py"], "tools/prepare.py"),
        (
            ["configs/depmap_r18_avec14.py", "--demo", "--cfg-options", "trainin.epochs=3"],
            "Did you mean 'training'",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(run, words, told, tmp_path):
    words[0] = str(ROOT / words[0])
    if "--cfg-options" not in words:
        words += ["--cfg-options", f"data.root={tmp_path}"]
    done = run([str(ROOT / "tools" / "train.py"), *words], tmp_path)
    assert done.returncode == 2
    assert told in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
