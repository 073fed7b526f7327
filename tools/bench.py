"""Run suites of ablation rows and print each paper's table beside what was measured.

    python tools/bench.py --suite depmap_table3 expada_table2 --demo
    python tools/bench.py --all --demo --seeds 0 1 2 [--dry-run | --table-only]

Runs that are done are not run again, so the same command goes on where an earlier one stopped. Exit
status: 0; 1 if a job failed; 2 if the arguments are wrong; 130 if it was stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from adabench.bench.comparison import compare
from adabench.bench.comparison_pages import render_text, write_comparison
from adabench.bench.jobs import Options, Plan, measured_records, plan
from adabench.bench.reported import read_reported
from adabench.bench.runner import run_plan
from adabench.bench.suites import FOLDER, Suite, load_suites, reported_file
from adabench.engine.config import load_config

TRAIN = Path(__file__).parent / "train.py"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    options = Options(
        demo=given.demo,
        seeds=tuple(given.seeds) if given.seeds else None,
        results=given.results,
        work_dirs=given.work_dirs,
        script=given.script,
        overrides=tuple(given.cfg_options),
        plugins=tuple(given.plugins),
    )
    try:
        suites, broken = load_suites(None if given.all else given.suite, given.suites)
        planned = plan(suites, load_config, options)
        for line in [*broken, *(f"left out: {problem}" for problem in planned.problems)]:
            print(line, file=sys.stderr)
        code = 1 if broken else 0
        if given.dry_run:
            return max(code, _print_plan(planned))
        if not given.table_only:
            summary = run_plan(planned, options.results, parallel=given.jobs, limit=given.limit)
            code = max(code, summary.exit_code)
        _print_tables(suites, planned, options.results)
        if not given.table_only:
            print(*summary.lines(), sep="\n")
    except (OSError, ValueError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    return code


def _print_plan(planned: Plan) -> int:
    print(*planned.describe(), sep="\n")
    done = sum(job.done for job in planned.jobs)
    to_do, failed = len(planned.jobs) - done, len(planned.refused)
    print(f"{len(planned.jobs)} jobs: {done} done, {to_do} to do; {failed} rows can't be loaded")
    return 1 if failed else 0


def _print_tables(suites: Sequence[Suite], planned: Plan, results: Path) -> None:
    records, _ = measured_records(results)
    reported = read_reported(reported_file())
    for suite in suites:
        comparison = compare(suite, planned.cells, records, reported)
        pages = write_comparison(comparison, results / "suites")
        print(f"\n{render_text(comparison)}\n\npages  {' '.join(str(path) for path in pages)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--suite", nargs="+", metavar="NAME", help="suites, or files of your own")
    which.add_argument("--all", action="store_true", help="every suite")
    add("--demo", action="store_true", help="run the configs' demo sections")
    add("--seeds", type=int, nargs="+", metavar="SEED", help="in place of each suite's own")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--dry-run", action="store_true", help="print one line a job; run nothing")
    mode.add_argument("--table-only", action="store_true", help="print the tables; run nothing")
    add("--jobs", type=int, default=1, metavar="N", help="jobs at a time (1)")
    add("--limit", type=float, metavar="SECONDS", help="kill a job that takes longer")
    add("--results", type=Path, default=Path("leaderboard/local"), help="folder of result records")
    add("--work-dirs", type=Path, default=Path("work_dirs"), help="checkpoints and logs")
    add("--suites", type=Path, default=FOLDER, help=f"folder of suites ({FOLDER})")
    add("--script", type=Path, default=TRAIN, help="what trains a row (tools/train.py)")
    add(
        *("--plugins",),
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER",
        help="folders of your own plugins",
    )
    add("--cfg-options", nargs="+", default=[], metavar="KEY=VALUE", help="for every job")
    return parser


if __name__ == "__main__":
    sys.exit(main())
