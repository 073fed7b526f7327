"""Mistakes in configs and options, made of what sections and parts take."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from adabench.config.experiment import Data, Experiment, Views, load_config
from adabench.config.parts import parts_within
from adabench.config.protocols import CrossCorpusSection, FoldsSection, PersonDisjointSection
from adabench.config.training import Training
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
    """

    words: tuple[str, ...]
    field: str
    says: str = ""

    def __str__(self) -> str:
        return " ".join(word.removeprefix(f"{ROOT}/") for word in self.words)


def all_mistakes(folder: Path) -> list[Mistake]:
    """Return every mistake; files that are missing are missing in ``folder``."""
    found = [*_of_parts(DEPMAP), *_of_parts(EXPADA), *_of_parts(SVR), *_of_sections()]
    return [*found, *_of_protocols(), *_of_files(folder), *_of_options()]


def _option(config: Path, field: str, value: Any, says: str = "", at: str = "") -> Mistake:
    words = (str(config), "--demo", "--cfg-options", f"{field}={value}")
    return Mistake(words, at or field, says)


def _mistyped(name: str) -> str:
    """A name with its last two letters swapped, or one doubled."""
    swapped = name[:-2] + name[:-3:-1]
    return swapped if len(name) > 3 and swapped != name else f"{name}{name[-1]}"


def _of_parts(config: Path) -> Iterator[Mistake]:
    """Yield mistakes in each part of a config: its type, each of its arguments."""
    run = load_config(config, demo=True)
    known = signatures_in_source()
    sections = {"method": {"type": "Assessor", **run.method}, "stages": run.stages}
    sections["views"] = run.views.model_dump()
    sections["semantics"] = run.semantics
    for name, section in sections.items():
        for place, part in parts_within(section, name):
            takes = next((own[part["type"]] for own in known.values() if part["type"] in own), None)
            if takes is None or place.endswith("optimiser"):
                continue
            if place != "method":
                yield _option(config, f"{place}.type", _mistyped(part["type"]), part["type"])
            for key in sorted(takes.names.difference(_PASSED)):
                yield _option(config, f"{place}.{_mistyped(key)}", 1, key)
                yield from _of_kind(config, f"{place}.{key}", takes.kinds[key])


def _of_kind(config: Path, field: str, kind: Any) -> Iterator[Mistake]:
    """Yield a value of another kind, and one that is out of range."""
    kinds = get_args(kind) if get_origin(kind) not in (list, Literal) else (kind,)
    kinds = kinds or (kind,)
    if Any in kinds:
        return
    wrong = "maybe" if bool in kinds else "[1]" if str in kinds else "zzz"
    yield _option(config, field, wrong, "expected ")
    if int in kinds or float in kinds:
        if not field.endswith(("seed", "kappa")):
            yield _option(config, field, -7)
    if get_origin(kind) is Literal:
        yield _option(config, field, "zzz", "expected ")


def _of_sections() -> Iterator[Mistake]:
    sections = {
        "": (Experiment, DEPMAP),
        "data": (Data, DEPMAP),
        "views": (Views, DEPMAP),
        "training": (Training, DEPMAP),
        "data.synthface": (SynthfaceParameters, DEPMAP),
        "data.synthface.behaviour": (Behaviour, DEPMAP),
        "stages.trunk.training": (Training, DEPMAP),
        "stages.trunk.expressions": (ExpressionParameters, DEPMAP),
        "stages.encoder.training": (Training, EXPADA),
        "stages.encoder.views": (Views, EXPADA),
    }
    for place, (model, config) in sections.items():
        yield from _of_section(model, place, (str(config), "--demo"))


def _of_protocols() -> Iterator[Mistake]:
    kinds = {"folds": FoldsSection, "person-disjoint": PersonDisjointSection}
    for name, model in {**kinds, "cross-corpus": CrossCorpusSection}.items():
        yield from _of_section(model, "protocol", (str(DEPMAP), "--demo", "--protocol", name))


def _of_section(model: Any, place: str, words: tuple[str, ...]) -> Iterator[Mistake]:
    """Yield mistakes in each field of a section: its name, a value of another kind or out of range."""
    for name, field in model.model_fields.items():
        if name in (*_OWN, "kind", "schema_version"):
            continue
        own = field.alias or name
        at = f"{place}.{own}" if place else own
        typo = f"{place}.{_mistyped(own)}" if place else _mistyped(own)
        yield Mistake((*words, "--cfg-options", f"{typo}=1"), _mistyped(own), own)
        wrong = "maybe" if field.annotation is bool else "3" if own in ("track", "root", "source") else "zzz"
        if from_object(field.annotation) is not Any or own in ("training", "protocol", "views"):
            yield Mistake((*words, "--cfg-options", f"{at}={wrong}"), at, "expected ")
        for limit in field.metadata:
            beyond = {Ge: -1, Gt: 0, Le: 1, Lt: 0}.get(type(limit))
            if beyond is not None:
                edge = getattr(limit, type(limit).__name__.lower())
                value = edge + beyond
                yield Mistake((*words, "--cfg-options", f"{at}={value}"), at, "expected ")


def _of_files(folder: Path) -> Iterator[Mistake]:
    gone = folder / "gone.pth"
    script = folder / "script.pth"
    for config, field in (
        (DEPMAP, "method.backbone.trunk.weights"),
        (DEPMAP, "stages.trunk.trunk.weights"),
        (EXPADA, "method.backbone.weights"),
        (EXPADA, "method.backbone.backbone.trunk.weights"),
        (EXPADA, "stages.encoder.method.backbone.trunk.weights"),
        (SVR, "method.extractor.backbone.weights"),
    ):
        yield _option(config, field, gone, "do not exist")
        yield _option(config, field, script, "state_dict()")
        yield _option(config, field, folder / "a,b.pth", "quoted")
        yield _option(config, field, "stage:trnk", "its stages", "stage:trnk")
    yield Mistake((str(folder / "gone.py"),), "gone.py", "does not exist")
    yield Mistake((str(DEPMAP.with_name("depmap_r18.py")),), "depmap_r18.py", "did you mean")
    for option in ("--plugins", "--protocol", "--from-record"):
        words = (str(DEPMAP),) if option != "--from-record" else ()
        yield Mistake((*words, option, str(folder / "gone.py")), "gone.py", "")
    yield Mistake((str(folder / "based.py"),), "_base_", "does not exist")


def _of_options() -> Iterator[Mistake]:
    words = (str(DEPMAP), "--demo")
    for option in ("--seed", "--since"):
        yield Mistake((*words, option, "abc"), option, "abc")
    for option in ("--track", "--protocol", "--stage", "--prepare", "--controls", "--row"):
        yield Mistake((*words, option, "zzz"), "zzz", "")
    for option in ("--sed", "--trak", "--proto", "--plugin-folder", "--cfg-option", "--resum"):
        yield Mistake((*words, f"{option}x", "1"), option, "")
    yield Mistake((*words, "--seed", "-1"), "seed", "at least 0")
    yield Mistake((*words, "--cfg-options", "method.head.hidden"), "method.head.hidden", "key=value")
    yield Mistake((*words, "--cfg-options", "method.head.dropout=[1"), "method.head.dropout", "bracket")
