"""Run suites of ablation rows, or configs, and print each paper's table beside what was measured.

    python tools/bench.py --suite depmap_table3 expada_table2 --demo
    python tools/bench.py --all --demo --seeds 0 1 2 [--jobs 2] [--dry-run | --table-only]
    python tools/bench.py --all --executor slurm --slurm partition=gpu gpus=1 minutes=240 --jobs 16

Runs that are done are not run again, so the same command goes on where an earlier one stopped. Exit
status: 0; 1 if a job failed; 2 if the arguments are wrong; 130 if it was stopped.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adabench.bench.jobs import plan
from adabench.bench.launch import describe_plan, launch, make_executor, write_tables
from adabench.bench.suites import FOLDER, Suite, load_suites
from adabench.bench.tasks import Options
from adabench.cli.arguments import load_plugins_of
from adabench.cli.parser import Parser, above_zero, whole
from adabench.cli.streams import told, write_anywhere
from adabench.config.experiment import Experiment
from adabench.config.reading.load import load_config
from adabench.plugins import any_outside

#: What trains a row: the repository's own.
TRAIN = Path(__file__).parents[2] / "tools" / "train.py"


def main() -> None:
    """Run a bench from the command line, and exit."""
    write_anywhere()
    gc.set_threshold(100_000)  # a plan makes many objects, and few cycles among them
    sys.exit(command())


def command(arguments: Sequence[str] | None = None) -> int:
    """Parse, plan, run, print; returns the exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        suites, broken = _suites(given)
        planned = plan(suites, _loader(given.plugins), _options(given))
        for line in [*broken, *(f"left out: {problem}" for problem in planned.problems)]:
            print(line, file=sys.stderr)
        code = 1 if broken else 0
        if given.dry_run:
            print(*describe_plan(planned, given.results, given.jobs), sep="\n")
            return 1 if planned.refused else code
        summary = None
        if not given.table_only:
            executor = make_executor(given.executor, given.jobs, given.slurm, given.limit)
            summary = launch(
                planned,
                given.results,
                executor,
                limit=given.limit,
                retry_failed=given.retry_failed,
                keep_caches=given.keep_caches,
            )
        print(*write_tables(suites, planned, given.results), sep="\n")
        if summary is not None:
            code = max(code, summary.exit_code)
            from adabench.leaderboard.pages.publish import publish_results

            print(*publish_results(given.results), sep="\n")
            print(*summary.lines(), *planned.left_out, sep="\n")
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {told(error)}\n")
    return code


def _suites(given: argparse.Namespace) -> tuple[list[Suite], list[object]]:
    if given.config is not None:
        return [], []
    suites, broken = load_suites(None if given.all else given.suite, given.suites)
    return suites, list(broken)


def _loader(folders: Sequence[Path]) -> Callable[..., Experiment]:
    """Return what reads a config; plugins are imported only where there are any from outside.

    Raises:
        ValueError, FileNotFoundError: a plugin that the user named and that can't be used.
    """
    if not any_outside(folders):
        return load_config
    report = load_plugins_of(folders)

    def load(**options: Any) -> Experiment:
        experiment = load_config(**options)
        report.refuse_contested(experiment.sections())
        return experiment

    return load


def _options(given: argparse.Namespace) -> Options:
    return Options(
        demo=given.demo,
        seeds=tuple(given.seeds) if given.seeds else None,
        draw=given.draw,
        tracks=tuple(given.track) if given.track else None,
        configs=tuple(given.config or ()),
        results=given.results,
        work_dirs=given.work_dirs,
        script=given.script,
        overrides=(*given.cfg_options, *(["shuffle_labels=True"] if given.control else [])),
        plugins=tuple(given.plugins),
        force=given.force,
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--suite", nargs="+", metavar="NAME", help="suites, or files of your own")
    which.add_argument("--all", action="store_true", help="every suite")
    which.add_argument(
        "--config", type=Path, nargs="+", metavar="FILE", help="configs, each on its own track"
    )
    add("--demo", action="store_true", help="run the configs' demo sections")
    add("--seeds", type=whole(0), nargs="+", metavar="SEED", help="in place of each suite's own")
    pinned = "run every seed on this generated corpus; by default each seed is a corpus of its own"
    add("--draw", type=whole(0), metavar="N", help=pinned)
    shuffled = "run each row on shuffled training labels: it must not beat the constant"
    add("--control", choices=["shuffled"], help=shuffled)
    add("--track", nargs="+", metavar="TRACK", help="rows on these tracks only")
    mode = parser.add_mutually_exclusive_group()
    tables = "print the tables and write their pages into --results/suites; train and test nothing"
    mode.add_argument("--dry-run", action="store_true", help="print one line a job; run nothing")
    mode.add_argument("--table-only", action="store_true", help=tables)
    add("--jobs", type=whole(), default=1, metavar="N", help="jobs at a time (1)")
    add("--limit", type=above_zero, metavar="SECONDS", help="kill a job that takes longer")
    add("--retry-failed", action="store_true", help="run jobs again that failed before")
    kept = "keep the generated corpora and caches of draws whose runs are all done"
    add("--keep-caches", action="store_true", help=kept)
    add("--force", action="store_true", help="run again what is done")
    add("--executor", choices=["local", "slurm"], default="local", help="where jobs run (local)")
    known = "partition, account, qos, gpus, cpus, memory, minutes, and what else submitit knows"
    add("--slurm", **_several("KEY=VALUE"), help=known)
    add("--results", type=Path, default=Path("leaderboard/local"), help="folder of result records")
    add("--work-dirs", type=Path, default=Path("work_dirs"), help="checkpoints and logs")
    add("--suites", type=Path, default=FOLDER, help=f"folder of suites ({FOLDER})")
    add("--script", type=Path, default=TRAIN, help="what trains a row (tools/train.py)")
    add("--plugins", **_several("FOLDER"), type=Path, help="folders of your own plugins")
    add("--cfg-options", **_several("KEY=VALUE"), help="for every job")
    return parser


def _several(metavar: str) -> dict[str, Any]:
    return {"nargs": "+", "action": "extend", "default": [], "metavar": metavar}
