"""Turns a raw corpus into a prepared one, and looks at either.

    python tools/prepare.py CORPUS --src RAW --scan            # what is there, what it would do
    python tools/prepare.py CORPUS --src RAW --out data/CORPUS [--plugins DIR ...]
    python tools/prepare.py CORPUS --out data/CORPUS --check   # files against their checksums
    python tools/prepare.py CORPUS --out data/CORPUS --audit   # persons, levels, the constant

Ends with 0 if all is well, 1 if --check found a difference, 2 if nothing could be done, 3 if clips
or labels were left out, 4 if a full disk, say, stopped it (what is finished stays), 130 by Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adabench.cli.parser import Parser
from adabench.cli.streams import told, write_anywhere
from adabench.data.audit import audit_text
from adabench.data.corpora import CorpusReader, is_own
from adabench.data.prepare import PrepareSettings, StoppedError, check, prepare
from adabench.data.prepare.run import PATIENCE, reader_of, settings_of
from adabench.data.prepare.scan import scan_report
from adabench.data.prepare.settings import CUTS
from adabench.data.prepared import PreparedCorpus
from adabench.registry import CORPORA

DIFFERS, FAILED, LEFT_OUT, STOPPED, INTERRUPTED = 1, 2, 3, 4, 130
SIZE = 112  # what Dep-MAP's configs ask for; ExpADA's want 224
OF_READER = ("labels", "openface", "openface_tables", "layout", "scale")
SETTINGS = ("size", "margin", "detect_every", "detector", "model", "cut")


def main() -> None:
    """Serve the command line, and exit."""
    write_anywhere()
    sys.exit(command())


def command(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    settings = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    _refuse(parser, options, settings)
    try:
        _load_plugins(options.corpus, options.plugins)
        given = {name: getattr(options, name) for name in OF_READER}
        return _run(options, reader_of(options.corpus, **given), {"size": SIZE, **settings})
    except StoppedError as error:
        print(f"prepare: stopped: {told(error)}", file=sys.stderr)
        return STOPPED
    except (OSError, ValueError, TypeError) as error:
        print(f"prepare: {told(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("prepare: interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED


def _load_plugins(corpus: str, folders: Sequence[Path]) -> None:
    """Load plugins if any are named, or the corpus is none of the repository's: it takes seconds.

    Raises:
        ValueError: a plugin that was named failed.
    """
    if folders or not is_own(corpus):
        from adabench.cli.arguments import load_plugins_of

        load_plugins_of(folders)


def _run(options: argparse.Namespace, reader: CorpusReader, settings: dict[str, Any]) -> int:
    out = options.out or Path("data") / reader.name
    if options.check:
        found = check(out, progress=not options.quiet)
        print(found.summary())
        return 0 if found.same else DIFFERS
    if options.audit:
        corpus = PreparedCorpus.open(out)
        other = PreparedCorpus.open(options.against) if options.against else None
        clips, name = (None, "") if other is None else (other.clips, other.name)
        scale = corpus.scale if other is None else other.scale
        text = audit_text(
            corpus.clips, corpus.name, clips, name, scale=corpus.scale, other_scale=scale
        )
        print(text)
        return 0
    if options.scan:
        chosen = settings_of(reader, **settings)
        looked = scan_report(reader, options.src, chosen, out=out, layout=options.layout)
        print(looked.text)
        return 0 if looked.usable else FAILED
    settings |= {"processes": options.processes, "patience": options.patience}
    report = prepare(reader, options.src, out, progress=not options.quiet, **settings)
    print(report.summary())
    return LEFT_OUT if report.left_out else 0


def _refuse(
    parser: argparse.ArgumentParser, options: argparse.Namespace, settings: dict[str, Any]
) -> None:
    """Ends with a message where options don't go together."""
    if options.src is None and not (options.check or options.audit):
        parser.error("--src is missing: name the folder of the raw corpus")
    if options.against and not options.audit:
        parser.error("--against is for --audit: give that too, or leave it out")
    for option in (f"--{name.replace('_', '-')}" for name in settings):
        if options.check or options.audit:
            parser.error(f"{option} is for preparing: leave it out with --check and --audit")
        if options.openface is not None and option != "--size":
            parser.error(f"{option} is for finding faces: leave it or --openface out")


def _parser() -> argparse.ArgumentParser:
    defaults, formatter = PrepareSettings(), argparse.RawDescriptionHelpFormatter
    parser = Parser(description=__doc__, formatter_class=formatter)
    add = parser.add_argument
    known = ", ".join(sorted(CORPORA.module_dict))
    add("corpus", metavar="CORPUS", help=f"one of {known}, or one that a plugin reads")
    add("--src", type=Path, metavar="RAW", help="folder of the raw corpus")
    add("--out", type=Path, metavar="DIR", help="the prepared corpus (data/CORPUS)")
    add("--labels", type=Path, metavar="DIR", help="label files, if they are not below --src")
    add("--openface", type=Path, metavar="DIR", help="use OpenFace 2's output to find faces")
    tables = "keep its tables' columns beside faces found in the videos"
    add("--openface-tables", type=Path, metavar="DIR", help=tables)
    add("--layout", type=Path, metavar="FILE", help="TOML or JSON: how this copy's layout differs")
    add(
        "--scale", metavar="NAME|FILE", help="of a table's scores: bdi-ii, phq-8, or a TOML or JSON"
    )
    add("--plugins", type=Path, nargs="+", default=[], metavar="DIR", help="folders of plugins")
    add("--size", type=int, help=f"pixels ({SIZE})")
    add("--margin", type=float, help=f"share of the face's box, each side ({defaults.margin})")
    add("--detect-every", type=int, metavar="N", help=f"in frames ({defaults.detect_every})")
    add("--detector", help=f"mtcnn, haar, or yunet with --model ({defaults.detector})")
    cuts = "as the face is (box), or with its eyes level (aligned)"
    add("--cut", metavar="|".join(CUTS), help=f"{cuts} ({defaults.cut})")
    add("--model", type=Path, metavar="FILE", help="the detector's ONNX file")
    add("--processes", type=int, default=2, metavar="N", help="clips at once (2)")
    limit = f"seconds without a new frame after which a clip is given up ({PATIENCE:g})"
    add("--patience", type=float, default=PATIENCE, metavar="S", help=limit)
    add("--quiet", action="store_true", help="no progress line")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--scan", action="store_true", help="only say what is in RAW")
    what.add_argument("--check", action="store_true", help="compare stored files with checksums")
    what.add_argument("--audit", action="store_true", help="persons shared, levels, constant")
    add("--against", type=Path, metavar="DIR", help="for --audit: another prepared corpus")
    return parser
