"""What a user mistypes is told in a line: file, field, what was expected; nothing is trained first."""

import os
import resource
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from config_mistakes import DEPMAP, ROOT, all_mistakes
from plugin_texts import forget

import adabench.engine.run
import adabench.plugins.find
from adabench.cli.arguments import run_tool
from adabench.cli.train import command

# Of those that are told only when the network is built, every fifth is tried in the quick tests.
_OF_BUILT = 5


class ReachedError(AssertionError):
    """A run went on to its data."""


@pytest.fixture
def mistakes(tmp_path, monkeypatch):
    """Every mistake, in a folder that has what they name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2))
        script.save(str(tmp_path / "script.pth"))
    (tmp_path / "based.py").write_text("_base_ = 'nothing.py'\n")
    monkeypatch.chdir(tmp_path)

    def reached(*_):
        raise ReachedError

    monkeypatch.setattr(adabench.engine.run, "open_data", reached)
    # Reading what every installed distribution says takes most of the time of a mistake.
    monkeypatch.setattr(adabench.plugins.find, "entry_points", lambda **_: ())
    return all_mistakes(tmp_path)


def answer(mistake, monkeypatch, capsys):
    """Run the tool here; returns what it says."""
    monkeypatch.setattr(sys, "argv", ["train.py", *mistake.words])
    with pytest.raises(SystemExit) as left:
        run_tool(command)
    told = capsys.readouterr().err
    assert left.value.code == 2, told
    return told


def wrong_with(told, mistake):
    """Return what an answer lacks; an empty text of a good one."""
    lacks = {
        "its field": mistake.field.rpartition(".")[2] in told,
        "the remedy": mistake.says in told,
        "the file": mistake.file in told,
        "at most two lines": len(told.strip().splitlines()) <= 2,
    }
    return ", ".join(what for what, is_there in lacks.items() if not is_there)


def poor_answers(mistakes, monkeypatch, capsys):
    found = []
    for mistake in mistakes:
        try:
            told = answer(mistake, monkeypatch, capsys)
            if wrong := wrong_with(told, mistake):
                found.append(f"{mistake}: without {wrong}: {told}")
        except Exception as error:  # noqa: BLE001 - whatever ends a tool is what is looked for
            found.append(f"{mistake}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("half", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_mistakes_are_told_by_file_field_and_remedy(mistakes, monkeypatch, capsys, half):
    quick = [mistake for mistake in mistakes if not mistake.is_built]
    quick += [mistake for mistake in mistakes if mistake.is_built][::_OF_BUILT]
    assert len(quick) > 400
    tried = quick[half::2]
    poor = poor_answers(tried, monkeypatch, capsys)
    assert len(poor) <= len(tried) * 0.02, "\n".join(poor)


@pytest.mark.slow
def test_mistakes_that_are_told_when_the_network_is_built(mistakes, monkeypatch, capsys):
    built = [mistake for mistake in mistakes if mistake.is_built]
    poor = poor_answers(built, monkeypatch, capsys)
    assert len(poor) <= len(built) * 0.02, "\n".join(poor)


def in_a_process(words, folder):
    """Return the answer of a process and the seconds of CPU that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    tool = [sys.executable, str(ROOT / "tools" / "train.py"), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(tool, cwd=folder, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 2, done.stderr
    return done.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def sampled(mistakes, number):
    return mistakes[:: len(mistakes) // number][:number]


def test_a_mistake_is_told_by_a_process_soon(mistakes, tmp_path):
    told_early = [mistake for mistake in mistakes if not mistake.is_built]
    for mistake in sampled(told_early, 3):
        told, seconds = in_a_process(mistake.words, tmp_path)
        assert not wrong_with(told, mistake), told
        assert seconds < 4, mistake


@pytest.mark.slow
def test_a_sample_of_processes(mistakes, tmp_path):
    for mistake in sampled(mistakes, 20):
        told, _ = in_a_process(mistake.words, tmp_path)
        assert not wrong_with(told, mistake), told
    # Nothing is generated, prepared or trained before.
    assert not (tmp_path / "data").exists()


PLUGIN = """
from adabench.models import Selector
from adabench.registry import MODELS
from adabench.structures import UnitSpec

@MODELS.register_module()
class SoftTop(Selector):
    def __init__(self, *, units: UnitSpec, keep: float = 0.5, hard: bool = False) -> None:
        super().__init__()
        if keep > 1:
            raise KeyError("keep")
        if keep < 0:
            raise SystemExit(0)
        self.keep = keep / (1 - keep)

    def forward(self, units):
        ...
"""


@pytest.fixture
def plugin(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "soft.py").write_text(PLUGIN)
    modules = set(sys.modules)
    yield folder
    forget(modules)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["kep=1"], "selector.kep: SoftTop takes no 'kep'. Did you mean 'keep'?"),
        pytest.param(
            *(["hard=no"], "selector.hard: expected True or False; got 'no'"),
            marks=pytest.mark.slow,
        ),
        (["type=SoftTpo"], "selector.type: nothing is called 'SoftTpo'. Did you mean 'SoftTop'?"),
    ],
)
def test_a_mistake_in_a_users_own_part_is_told_before_torch_is_imported(plugin, options, told):
    given = [f"method.selector.{option}" for option in ("_delete_=True", "type=SoftTop", *options)]
    code = (
        "import sys; from adabench.cli.train import command\n"
        f"sys.argv = ['train.py', {str(DEPMAP)!r}, '--demo', '--plugins', {str(plugin)!r}, "
        f"'--cfg-options', *{given!r}]\n"
        "try: command()\n"
        "except ValueError as error: print(error)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("keep", "told"),
    [
        (1, "SoftTop(keep=1) can't be built: ZeroDivisionError: division by zero"),
        (2, "KeyError: {config}: method.selector: keep ("),
        (-1, "can't be built: SystemExit: 0 ("),
    ],
)
def test_an_error_in_a_plugin_keeps_its_file_and_line(plugin, keep, told, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", words_for(plugin, keep))
    monkeypatch.setattr(adabench.engine.run, "open_data", None)
    with pytest.raises(SystemExit) as left:
        run_tool(command)
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert told.format(config=DEPMAP) in error
    raised = {2: '    raise KeyError("keep")', -1: "    raise SystemExit(0)"}
    text = raised.get(keep, "self.keep = keep / (1 - keep)")
    line = 1 + PLUGIN.splitlines().index(f"        {text}")
    assert f"{Path(plugin).resolve() / 'soft.py'}:{line}, in __init__" in error


def words_for(plugin, keep):
    options = ("_delete_=True", "type=SoftTop", f"keep={keep}")
    given = [f"method.selector.{option}" for option in options]
    return ["train.py", str(DEPMAP), "--demo", "--plugins", str(plugin), "--cfg-options", *given]
