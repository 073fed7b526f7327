"""The ``protocol`` section of a config: who is trained on, selected on and tested.

Each kind has its fields; ready-made sections lie in ``configs/_base_/protocols``. A config inherits
one (``_base_ = ["constant_avec14.py", "_base_/protocols/person_disjoint.py"]``), a command takes one
(``tools/train.py CONFIG --protocol person-disjoint``), and options refine it
(``--cfg-options protocol.seed=1``).

==================  =================================================================================
``splits``          the corpus's own: AVEC's official ones, or train and dev together, where the last
                    epoch is tested (the default; the only kind whose ``kind`` may be left out)
``person-disjoint`` all sessions divided anew, nobody in two parts
``folds``           k folds over persons, a run each, and one record of all
``cross-corpus``    trained on one corpus, tested on another
==================  =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from adabench.config.fields.training import Strict
from adabench.data.folds import share_folds
from adabench.data.protocol import CrossCorpus, Folds, PersonDisjoint, Protocol
from adabench.data.tracks import Track, get_track

Split = Literal["train", "dev", "test"]
_ALL: tuple[Split, ...] = ("train", "dev", "test")


class ProtocolSection(Strict):
    """Which of the corpus's own splits serve what.

    Attributes:
        kind: not part of a hash or a stored config: older ones know none.
        name: as the record says it.
        train, validate, test: splits; without any in ``validate``, nothing is selected, and what is
            tested are the weights after the last of ``training.epochs``.
    """

    kind: Literal["splits"] = Field(default="splits", exclude=True)
    name: str = "official"
    train: tuple[str, ...] = ("train",)
    validate_: tuple[str, ...] = Field(default=("dev",), alias="validate")
    test: tuple[str, ...] = ("test",)

    def build(self) -> Protocol:
        """Return the protocol these splits make."""
        return Protocol(self.name, self.train, self.validate_, self.test)


class PersonDisjointSection(Strict):
    """All sessions divided anew; attributes as of `adabench.data.protocol.PersonDisjoint`."""

    kind: Literal["person-disjoint"]
    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    seed: int = Field(default=0, ge=0, lt=2**32)
    pool: tuple[Split, ...] = Field(default=_ALL, min_length=1)

    @model_validator(mode="after")
    def _check_shares(self) -> PersonDisjointSection:
        if self.shares[0] <= 0 or self.shares[1] < 0 or self.shares[2] <= 0:
            raise ValueError(
                "shares: training and test need a share above 0, validation one of at least 0; got "
                f"{self.shares}"
            )
        share_folds(self.shares)
        return self

    def build(self) -> PersonDisjoint:
        """Return the protocol."""
        return PersonDisjoint(self.shares, self.seed, self.pool)


class FoldsSection(Strict):
    """Folds over persons; attributes as of `adabench.data.protocol.Folds`."""

    kind: Literal["folds"]
    k: int = Field(default=5, ge=2, le=100)
    fold: int | None = Field(default=None, ge=1)
    validation: float = Field(default=0.2, ge=0, le=0.5)
    seed: int = Field(default=0, ge=0, lt=2**32)
    pool: tuple[Split, ...] = Field(default=_ALL, min_length=1)

    @model_validator(mode="after")
    def _check_fold(self) -> FoldsSection:
        if self.fold is not None and self.fold > self.k:
            raise ValueError(f"fold: expected one of 1 to k={self.k}; got {self.fold}")
        return self

    def build(self) -> Folds:
        """Return the protocol."""
        return Folds(self.k, self.fold, self.validation, self.seed, self.pool)

    def each(self) -> tuple[FoldsSection, ...]:
        """Return the folds of all together; none of a single one."""
        if self.fold is not None:
            return ()
        return tuple(self.model_copy(update={"fold": n}) for n in range(1, self.k + 1))


class CrossCorpusSection(Strict):
    """Training on another corpus than the track's.

    Attributes:
        source: the track whose corpus and tasks are trained on; its demo track in a demo.
        synthface: what differs from ``data.synthface`` where the source is generated.
        train, validate: splits of the source.
        test: splits of the track's corpus.
    """

    kind: Literal["cross-corpus"]
    source: str
    synthface: dict[str, Any] = Field(default_factory=dict)
    train: tuple[Split, ...] = Field(default=("train",), min_length=1)
    validate_: tuple[Split, ...] = Field(default=("dev",), alias="validate")
    test: tuple[Split, ...] = Field(default=("test",), min_length=1)

    @model_validator(mode="after")
    def _check_source(self) -> CrossCorpusSection:
        try:
            get_track(self.source)
        except ValueError as error:
            raise ValueError(f"source: {str(error).removeprefix('track: ')}") from error
        return self

    def build(self) -> CrossCorpus:
        """Return the protocol."""
        return CrossCorpus(self.source, self.train, self.validate_, self.test)


def _kind(value: Any) -> str:
    found = value.get("kind", "splits") if isinstance(value, Mapping) else None
    return str(getattr(value, "kind", "splits") if found is None else found)


AnyProtocolSection = Annotated[
    Annotated[ProtocolSection, Tag("splits")]
    | Annotated[PersonDisjointSection, Tag("person-disjoint")]
    | Annotated[FoldsSection, Tag("folds")]
    | Annotated[CrossCorpusSection, Tag("cross-corpus")],
    Discriminator(_kind),
]


def source_track(section: Any) -> Track | None:
    """Return the track that a cross-corpus section trains on; None for the other kinds."""
    return get_track(section.source) if isinstance(section, CrossCorpusSection) else None
