"""Mistakes in configs and options, made of what sections and parts take.

Every argument of every part and every field of every section is mistyped, given a value of another kind,
and one out of range, by an option or in a file of one's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from adabench.config.experiment import Data, Experiment, Views
from adabench.config.fields.protocols import CrossCorpusSection, FoldsSection, PersonDisjointSection
from adabench.config.fields.training import Training
from adabench.config.reading.files import parse_options
from adabench.config.reading.load import load_config
from adabench.config.reading.parts import parts_within
from adabench.plugins.annotations import from_object
from adabench.plugins.signatures import signatures_in_source
from adabench.synthface.parameters import Behaviour, ExpressionParameters, SynthfaceParameters

ROOT = Path(__file__).parents[1]
DEPMAP = ROOT / "configs" / "depmap_r18_avec14.py"
EXPADA = ROOT / "configs" / "expada_avec14_freeform.py"
SVR = ROOT / "configs" / "baselines" / "svr_trunk_avec14.py"

# What the builder passes, and what no run of a config may set.
_PASSED = ("units", "features", "scale")
_OWN = ("name", "is_demo", "overrides", "code", "versions")


@dataclass(frozen=True)
class Mistake:
    """Words for ``tools/train.py``, and what its answer has to say.

    Attributes:
        words: the command line after the tool.
        field: what is wrong.
        says: the remedy, or a part of it.
        file: that is to be named.
        is_built: it is told only when the network is built, which takes longer.
    """

    words: tuple[str, ...]
    field: str
    says: str = ""
    file: str = ""
    is_built: bool = False

    def __str__(self) -> str:
        return " ".join(word.removeprefix(f"{ROOT}/") for word in self.words)


def all_mistakes(folder: Path) -> list[Mistake]:
    """Return every mistake. Configs of one's own, and what is missing, are in ``folder``."""
    seen: set[str] = set()
    settings = [s for config in (DEPMAP, EXPADA, SVR) for s in _of_parts(config, seen)]
    settings += [*_of_sections(), *_of_schedules(), *_of_inner_parts(), *_of_names()]
    found = [_mistake(folder, number, *each) for number, each in enumerate(settings)]
    found += [*_of_protocols(), *_of_files(folder), *_of_options()]
    return [*found, *_of_own_files(folder), *_of_pieces(), *_of_values()]


def _mistake(
    folder: Path, number: int, config: Path, field: str, value: Any, says: str = "", at: str = ""
) -> Mistake:
    """Return a mistake, every fourth in a file over the config's demo, the others as an option."""
    if number % 4 == 1 and "[" not in field:
        path = folder / f"mine{number}.py"
        inner = repr(parse_options([f"{field}={value}"])[field])
        for step in reversed(field.split(".")[1:]):
            inner = f"{{{step!r}: {inner}}}"
        first = field.partition(".")[0]
        if first in ("track", "demo") or first not in Experiment.model_fields:
            path.write_text(f"_base_ = {str(config)!r}\n{first} = {inner}\n")
        else:
            path.write_text(f"_base_ = {str(config)!r}\ndemo = dict({first}={inner})\n")
        return Mistake((str(path), "--demo"), at or field, says, path.name, value == -7)
    words = (str(config), "--demo", "--cfg-options", f"{field}={value}")
    return Mistake(words, at or field, says, ".py", value == -7)


def mistyped(name: str) -> str:
    """Return a name with its last two letters swapped, or its last one doubled."""
    swapped = name[:-2] + name[:-3:-1]
    return swapped if len(name) > 3 and swapped != name else f"{name}{name[-1]}"


def _of_parts(config: Path, seen: set[str]) -> Iterator[tuple[Any, ...]]:
    """Yield mistakes in each part of a config: its type, and each argument of one not seen before."""
    run = load_config(config, demo=True)
    known = signatures_in_source()
    sections = {"method": {"type": "Assessor", **run.method}, "stages": run.stages}
    sections |= {"views": run.views.model_dump(), "semantics": run.semantics}
    for place, part in (p for name, own in sections.items() for p in parts_within(own, name)):
        takes = next((own[part["type"]] for own in known.values() if part["type"] in own), None)
        if takes is None:
            continue
        if place != "method":
            yield config, f"{place}.type", mistyped(part["type"]), part["type"]
            yield from _of_other_types(config, place, part)
        if part["type"] not in seen:
            seen.add(part["type"])
            for key in sorted(takes.names.difference(_PASSED)):
                yield config, f"{place}.{mistyped(key)}", 1, key
                yield from _of_kind(config, f"{place}.{key}", takes.kinds[key])


def _of_other_types(config: Path, place: str, part: Any) -> Iterator[tuple[Any, ...]]:
    """Yield types that take other arguments than those that stand there."""
    if place.rpartition(".")[2] in ("aggregator", "selector", "head", "backbone"):
        for name, takes in signatures_in_source()["MODELS"].items():
            left = [key for key in part if key not in takes.names and key != "type"]
            if left and not takes.is_open:
                says = f"{place}._delete_=True"
                yield config, f"{place}.type", name, says, f"{place}.{left[0]}"
                return


def _of_kind(config: Path, field: str, kind: Any) -> Iterator[tuple[Any, ...]]:
    """Yield a value of another kind, and one that is out of range."""
    kinds = get_args(kind) if get_origin(kind) not in (list, Literal, Annotated) else (kind,)
    kinds = kinds or (kind,)
    if Any in kinds:
        return
    wrong = "maybe" if bool in kinds else "[1]" if str in kinds else "zzz"
    yield config, field, wrong, "expected "
    numbers = {get_args(each)[0] if get_origin(each) is Annotated else each for each in kinds}
    if numbers & {int, float} and not field.endswith("seed"):
        yield config, field, -7


def _of_sections() -> Iterator[tuple[Any, ...]]:
    sections = {
        "": (Experiment, DEPMAP),
        "data": (Data, DEPMAP),
        "views": (Views, DEPMAP),
        "training": (Training, DEPMAP),
        "data.synthface": (SynthfaceParameters, DEPMAP),
        "data.synthface.behaviour": (Behaviour, DEPMAP),
        "stages.trunk.training": (Training, DEPMAP),
        "stages.trunk.expressions": (ExpressionParameters, DEPMAP),
        "stages.encoder.views": (Views, EXPADA),
    }
    for place, (model, config) in sections.items():
        for field, value, says in _of_section(model, place):
            yield config, field, value, says


def _of_section(model: Any, place: str) -> Iterator[tuple[str, Any, str]]:
    """Yield mistakes in each field of a section: its name, a value of another kind or out of range."""
    for name, field in model.model_fields.items():
        if name in (*_OWN, "kind", "schema_version"):
            continue
        own = field.alias or name
        at = f"{place}.{own}" if place else own
        yield (f"{place}.{mistyped(own)}" if place else mistyped(own)), 1, own
        wrong = "maybe" if field.annotation is bool else "zzz"
        wrong = "3" if field.annotation is str else wrong
        if from_object(field.annotation) is not Any:
            yield at, wrong, "Known: " if own == "log" else "expected "
        for limit in field.metadata:
            beyond = {Ge: -1, Gt: 0, Le: 1, Lt: 0}.get(type(limit))
            if beyond is not None:
                yield at, getattr(limit, type(limit).__name__.lower()) + beyond, "expected "


def _of_schedules() -> Iterator[tuple[Any, ...]]:
    for place in ("training", "stages.trunk.training"):
        yield DEPMAP, f"{place}.optimiser.type", "AdmaW", "'AdamW'"
        yield DEPMAP, f"{place}.optimiser.lr", "abc", "expected a number"
        yield DEPMAP, f"{place}.optimiser.lr", -1, "learning rate", f"{place}.optimiser"
        yield DEPMAP, f"{place}.optimiser.weight_dacay", 1, "weight_decay"
        yield DEPMAP, f"{place}.scheduler", "[{'type': 'StepLRR'}]", "'StepLR'"
        yield DEPMAP, f"{place}.scheduler", "[{'type': 'StepLR', 'gama': 1}]", "gama"
        yield DEPMAP, f"{place}.log", "tensorbord", "'tensorboard'"
    yield DEPMAP, "training.groups.bakbone.lr_mult", 2, "'backbone'", "training.groups"
    yield DEPMAP, "training.groups.backbone.lr_mul", 2, "'lr_mult'"
    yield DEPMAP, "training.amp", "True", "training.amp=False"


def _of_inner_parts() -> Iterator[tuple[Any, ...]]:
    """Yield mistakes in the dicts that a part hands on, and in names of a library's networks."""
    for inner in ("sdpm", "kdm", "map", "tokens"):
        yield DEPMAP, f"method.selector.{inner}.nonsense", 1, "nonsense", f"method.selector.{inner}"
    for key in ("prototypes", "momentum", "kappa"):
        yield DEPMAP, f"method.selector.sdpm.{mistyped(key)}", 1, key
        yield DEPMAP, f"method.selector.sdpm.{key}", "zzz", "expected "
    yield DEPMAP, "method.backbone.trunk.name", "resnet81", "'resnet"
    yield DEPMAP, "method.backbone.trunk.options.chanels", "[1]", "chanels"
    yield SVR, "method.search.fold", 3, "folds"
    yield SVR, "method.search.folds", 1, "at least 2"
    yield SVR, "method.search.grid.svr__D", "[1]", "svr__C"
    yield SVR, "method.estimator.1.type", "SRV", "'SVR'"


def _of_names() -> Iterator[tuple[Any, ...]]:
    yield DEPMAP, "track", "avec15", "'avec14'"
    yield DEPMAP, "method.name", "", "name"
    yield DEPMAP, "method.name", "A,B", "quoted"
    yield DEPMAP, "hooks", "[{'type': 'EMAHok'}]", "'EMAHook'"
    yield DEPMAP, "metrics", "[WithinPoint]", "'WithinPoints'"
    yield DEPMAP, "stages.encoder.type", "MethodTrainig", "'MethodTraining'"
    yield DEPMAP, "stages.trunk.columns", "[AU99_r]", "Known"
    yield DEPMAP, "data.synthface.preset", "dmo", "'demo'"
    for field in ("method.backbone.trunk", "semantics", "stages.trunk.trunk"):
        yield DEPMAP, f"{field}.type", "os.system", "registered", f"{field}.type"


def _of_protocols() -> Iterator[Mistake]:
    kinds = {"folds": FoldsSection, "person-disjoint": PersonDisjointSection}
    for name, model in {**kinds, "cross-corpus": CrossCorpusSection}.items():
        for field, value, says in _of_section(model, "protocol"):
            words = (str(DEPMAP), "--demo", "--protocol", name, "--cfg-options", f"{field}={value}")
            yield Mistake(words, field, says, ".py")


def _of_files(folder: Path) -> Iterator[Mistake]:
    gone, script = folder / "gone.pth", folder / "script.pth"
    for config, field in (
        (DEPMAP, "method.backbone.trunk.weights"),
        (DEPMAP, "stages.trunk.trunk.weights"),
        (EXPADA, "method.backbone.weights"),
        (EXPADA, "stages.encoder.method.backbone.trunk.weights"),
        (SVR, "method.extractor.backbone.weights"),
    ):
        for value, says in (
            (gone, "do not exist"),
            (script, "state_dict()"),
            (folder / "a,b.pth", "quoted"),
            ("stage:trnk", "its stages"),
        ):
            words = (str(config), "--demo", "--cfg-options", f"{field}={value}")
            yield Mistake(words, field, says, ".py", value in (gone, script))
    yield Mistake((str(folder / "gone.py"),), "gone.py", "does not exist")
    yield Mistake((str(DEPMAP.with_name("depmap_r18.py")),), "depmap_r18.py", "did you mean")
    yield Mistake((str(folder / "based.py"),), "_base_", "does not exist", "based.py")
    for option in ("--plugins", "--protocol"):
        yield Mistake((str(DEPMAP), option, str(folder / "gone.py")), option, "does not exist")
    yield Mistake(("--from-record", str(folder / "gone.json")), "gone.json")
    yield Mistake((), "config", "name a config")


def _of_options() -> Iterator[Mistake]:
    words = (str(DEPMAP), "--demo")
    for option in ("--seed", "--since"):
        yield Mistake((*words, option, "abc"), option, "abc")
    for option in ("--track", "--protocol", "--stage", "--prepare", "--controls", "--row"):
        yield Mistake((*words, option, "zzz"), option.strip("-"))
    for option in ("--seed", "--track", "--protocol", "--plugins", "--cfg-options", "--resume"):
        yield Mistake((*words, mistyped(option), "1"), mistyped(option), f"Did you mean '{option}'")
    yield Mistake((*words, "--seed", "-1"), "seed", "at least 0", ".py")
    for text, says in (
        ("hidden", "key=value"),
        ("hidden=[1", "expected a whole"),
        ("=1", "key=value"),
    ):
        yield Mistake((*words, "--cfg-options", f"method.head.{text}"), "method.head", says)


def _of_own_files(folder: Path) -> Iterator[Mistake]:
    """Yield configs of one's own that can't be run or read, and folders where files stand."""
    for number, (text, says) in enumerate(
        (
            ("raise RuntimeError('boom')", "RuntimeError: boom"),
            ("assert 1 > 2, 'nope'", "AssertionError: nope"),
            ("class E(Exception): ...\nraise E('own')", "E: own"),
            ("raise MemoryError", "MemoryError"),
            ("def f(): f()\nf()", "RecursionError"),
            ("views = dict(_delete_='no')", "expected True or False; got 'no'"),
            ("# caf\xe9", "in UTF-8"),
        )
    ):
        path = folder / f"raises{number}.py"
        path.write_text(f"track = 'demo'\n{text}\n", encoding="latin-1")
        yield Mistake((str(path),), f"{path.name}:{3 if 'class' in text else 2}", says, path.name)
    (folder / "folder.py").mkdir(exist_ok=True)
    yield Mistake((str(folder / "folder.py"),), "folder.py", "is a folder")
    pointer = folder / "script.pth"
    words = (str(DEPMAP), "--demo")
    yield Mistake((*words, "--results", str(pointer)), "--results", "is a file; name a folder")
    yield Mistake(
        (*words, "--results", str(pointer / "x")), "--results", "is a file; name a folder"
    )
    yield Mistake(
        (*words, "--plugins", str(pointer)), "--plugins", "neither a folder nor a .py file"
    )
    yield Mistake((*words, "--plugins", ""), "--plugins", "got an empty text")


def _of_pieces() -> Iterator[Mistake]:
    """Yield options that say two things of one field, or give fields to what has none."""
    for options, field, says in (
        (("training=3", "training.epochs=3"), "training.epochs", "leave one of them out"),
        (("training.epochs.x=3",), "training.epochs.x", "has no fields"),
        (("training.optimiser={'type':'Adam','lr':1}",), "optimiser", "field by field"),
        # What bash makes of the same without quotes.
        (
            ("training.optimiser=type:Adam", "training.optimiser=lr:1"),
            "training.optimiser",
            "field by field: training.optimiser.FIELD=VALUE",
        ),
        (("demo.method=3",), "demo.method", "write method=VALUE"),
        (
            ("method.aggregator._delete_=no",),
            "method.aggregator._delete_",
            "expected True or False",
        ),
    ):
        words = (str(DEPMAP), "--demo", "--cfg-options", *options)
        yield Mistake(words, field, says)


def _of_values() -> Iterator[Mistake]:
    """Yield values that only a library, or only a training, would come upon."""
    trunk = "method.backbone.trunk"
    for config, field, value, says in (
        (DEPMAP, "training.optimiser.betas", 0.9, "expected a list of 2"),
        (DEPMAP, "training.optimiser.lr", "1,5", "expected a number; got [1, 5]"),
        (DEPMAP, "training.optimiser.lr", "inf", "expected a finite number"),
        (DEPMAP, "training.optimiser.params", "[]", "leave it out"),
        (DEPMAP, "training.scheduler", "[{'type': 'StepLR', 'step_size': 0}]", "step_size=0"),
        (DEPMAP, "training.scheduler", "[{'type': 'PolyLR', 'power': 'a'}]", "expected a number"),
        (DEPMAP, "training.scheduler", "[{'type': 'ReduceOnPlateauLR'}]", "RMSE"),
        (EXPADA, "stages.encoder.training.optimiser.betas", "[0.9]", "expected a list of 2"),
        (DEPMAP, "semantics.stage", "trunk", "Did you mean 'stage:trunk'?"),
        (DEPMAP, f"{trunk}.weights", "timmm", "Did you mean 'timm'?"),
        (DEPMAP, f"{trunk}.weights", "", "no file is named"),
        (DEPMAP, f"{trunk}.weights", ROOT, "a folder"),
        (DEPMAP, f"{trunk}.weights", ROOT / "README.md", "no checkpoint of torch, but a text"),
    ):
        words = (str(config), "--demo", "--cfg-options", f"{field}={value}")
        yield Mistake(words, field, says, ".py", is_built=True)
    for place in (trunk, "stages.trunk.trunk"):
        for value in ("[1]", "[]"):
            words = (str(DEPMAP), "--demo", "--cfg-options", f"{place}.options.channels={value}")
            yield Mistake(words, place, "can't be built: IndexError", ".py", is_built=True)
