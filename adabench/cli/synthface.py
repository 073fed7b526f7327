"""Generate the synthface corpus or its expression clips, and look at them.

python tools/synthface.py --corpus data/raw/synthface --size tables --seed 3107 --draw 2
python tools/synthface.py --corpus data/raw/diffuse --world diffuse --shortcut length
python tools/synthface.py --expressions data/raw/expressions --seed 1 --motion smooth
python tools/synthface.py --avec2013 | --renamed | --table | --openface data/raw/synthface OUT
python tools/synthface.py --bounds --world diffuse --frames 16 25 50
python tools/synthface.py --sheet sheet.png | --speed
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

import cv2

from adabench.cli.parser import Parser, whole
from adabench.cli.streams import told, write_anywhere
from adabench.config.fields.generated import PRESETS, expression_parameters, synthface_parameters
from adabench.synthface import (
    ExpressionParameters,
    SynthfaceParameters,
    generate,
    generate_expressions,
)
from adabench.synthface.bounds import TEST_SESSIONS, TRAIN_SESSIONS, bounds_over_draws
from adabench.synthface.parameters import Shortcut, World
from adabench.synthface.sheet import contact_sheet
from adabench.synthface.writing import layouts
from adabench.synthface.writing.speed import measure_speed

COPIES = {
    "avec2013": "copy CORPUS in AVEC 2013's layout",
    "renamed": "copy CORPUS with other folder names",
    "table": "copy CORPUS as a table and videos",
    "openface": "write what OpenFace 2 would leave of CORPUS",
}
#: Where parameters go wrong, before the name that is also the option's.
PLACE = "options"


def make_parser() -> Parser:
    """Return what reads the options."""
    parser = Parser(description="the generated corpus of drawn faces")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--corpus", type=Path, metavar="OUT", help="write a corpus to OUT")
    what.add_argument("--expressions", type=Path, metavar="OUT", help="write expression clips")
    for name, meaning in COPIES.items():
        what.add_argument(f"--{name}", type=Path, nargs=2, metavar=("CORPUS", "OUT"), help=meaning)
    what.add_argument("--bounds", action="store_true", help="print what true curves can reach")
    what.add_argument("--sheet", type=Path, metavar="PNG", help="write a contact sheet")
    what.add_argument("--speed", action="store_true", help="print frames a second of one core")
    parser.add_argument(
        "--seed", type=whole(0), default=0, help="the corpus' seed, or the first one"
    )
    parser.add_argument("--draw", type=whole(0), default=0, help="added to the seed of a corpus")
    parser.add_argument("--size", choices=PRESETS, default="demo", help="tiny: for tests")
    parser.add_argument(
        "--world", choices=get_args(World), default="sparse", help="how a score shows"
    )
    parser.add_argument(
        "--shortcut", choices=get_args(Shortcut), help="what else is to tell the score"
    )
    parser.add_argument("--motion", choices=("stills", "smooth"), default="stills")
    parser.add_argument(
        "--task", choices=("Freeform", "Northwind"), help="bounds of one task; AVEC 2013's"
    )
    parser.add_argument(
        "--layout", choices=layouts.OPENFACE_LAYOUTS, default="avec2014", help="of --openface"
    )
    parser.add_argument("--image", default="bmp", help="format of --openface's faces")
    parser.add_argument("--draws", type=whole(), default=10, help="corpora for the bounds")
    parser.add_argument(
        "--frames", type=whole(), nargs="*", default=(), help="bounds also at so many a clip"
    )
    parser.add_argument("--processes", type=whole(), default=2)
    return parser


def check(parser: Parser, options: argparse.Namespace) -> None:
    """End where options don't go together."""
    size = options.size
    if options.expressions and not hasattr(ExpressionParameters, size):
        parser.error(f"--size {size} is of corpora: --expressions takes demo or tiny")
    if options.shortcut == "person" and (options.corpus or options.bounds) and size != "demo":
        other = "tests new persons" if size == "tables" else "gives each split every level"
        parser.error(
            "--shortcut person deals one label to each person, who is in several splits, and --size "
            f"{size} {other}: take it with --size demo"
        )


def corpus_parameters(options: argparse.Namespace) -> SynthfaceParameters:
    """Return the parameters that the options describe."""
    chosen = {name: getattr(options, name) for name in ("seed", "draw", "world", "shortcut")}
    return synthface_parameters({"preset": options.size, **chosen}, PLACE)


def print_bounds(parameters: SynthfaceParameters, options: argparse.Namespace) -> None:
    """Print what was drawn, and each bound's share of the constant's error over draws."""
    seen = (None, *options.frames)
    found = bounds_over_draws(parameters, options.draws, task=options.task, frames=seen)
    shortest, longest = parameters.seconds
    print(f"drawn faces, world {parameters.world}")
    print(
        f"{options.draws} draws of {TRAIN_SESSIONS} train and {TEST_SESSIONS} test sessions, whatever "
        f"--size says; its clips, {shortest:g} to {longest:g} s at {parameters.fps} frames a second"
    )
    print(f"{'frames':8}{'bound':12}{'RMSE':>8}{'/constant':>11}{'sd':>8}")
    for frames, errors in found.items():
        for name, rmse in errors.items():
            share = rmse / errors["constant"]
            print(f"{frames or 'all'!s:8}{name:12}{rmse.mean():8.2f}", end="")
            print(f"{share.mean():11.3f}{share.std():8.3f}")


def write_sheet(path: Path, seed: int) -> None:
    """Write a contact sheet.

    Raises:
        ValueError: a name that is no picture's, or a folder that can't be written to.
    """
    if not cv2.haveImageWriter(str(path)):
        raise ValueError(f"--sheet {path}: expected a picture's name, such as sheet.png")
    if not cv2.imwrite(str(path), contact_sheet(seed)):
        raise ValueError(f"--sheet {path} can't be written: is {path.parent} a folder of yours?")


def main() -> None:
    """Do what the options ask; what is the user's to mend ends in one line."""
    write_anywhere()
    parser = make_parser()
    options = parser.parse_args()
    check(parser, options)
    try:
        run(options)
    except (ValueError, OSError) as error:
        parser.exit(2, f"{parser.prog}: error: {told(error).replace(f'{PLACE}.', '--')}\n")


def run(options: argparse.Namespace) -> None:
    """Generate, copy or print.

    Raises:
        ValueError, OSError: what the options name can't be drawn, read or written.
    """
    seed = options.seed
    if options.corpus:
        parameters = corpus_parameters(options)
        print(generate(parameters, options.corpus, processes=options.processes))
    elif options.expressions:
        drawn = {"preset": options.size, "seed": seed, "motion": options.motion}
        clips = expression_parameters(drawn, PLACE)
        print(generate_expressions(clips, options.expressions, processes=options.processes))
    elif options.avec2013:
        print(layouts.write_avec2013(*options.avec2013, task=options.task or "Freeform"))
    elif options.renamed:
        print(layouts.write_renamed(*options.renamed))
    elif options.table:
        print(layouts.write_table(*options.table))
    elif options.openface:
        chosen = {"layout": options.layout, "image": options.image}
        task = options.task or "Freeform"
        print(layouts.write_openface(*options.openface, task=task, **chosen))
    elif options.bounds:
        print_bounds(corpus_parameters(options), options)
    elif options.sheet:
        write_sheet(options.sheet, seed)
        print(options.sheet)
    else:
        speed = measure_speed(seed)
        print(f"drawing {speed.drawing:.0f}, encoding {speed.encoding:.0f}, ", end="")
        print(f"whole {speed.whole:.0f} frames a second of one core")
