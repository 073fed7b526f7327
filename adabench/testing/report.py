"""What the contract's checks found, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["held", "broken", "not checked"]


@dataclass(frozen=True)
class Rule:
    """One rule of the contract.

    Attributes:
        name: how reports call it.
        rule: what a part has to do, in words.
        mend: what to do where it doesn't.
    """

    name: str
    rule: str
    mend: str


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    Attributes:
        part: class of the part.
        role: of the part, or ``method`` where no single part can be told.
        rule: name of the rule.
        detail: what was seen.
        mend: what to do about it.
        place: ``file:line`` in the part's own source, where it can be told.
    """

    part: str
    role: str
    rule: str
    detail: str
    mend: str
    place: str | None = None

    def __str__(self) -> str:
        where = f", {self.place}" if self.place else ""
        return f"{self.part}: {self.detail} [{self.role}, rule {self.rule!r}{where}]. {self.mend}"


@dataclass(frozen=True)
class ContractReport:
    """The outcome of a list of checks.

    Attributes:
        findings: broken rules, in the order of the checks.
        held: names of the rules that hold.
        skipped: rule → why it was not checked.
        seconds: wall time a check.
        deferred: whether the config's own view is yet to be asked, by `check_view`.
    """

    findings: tuple[Finding, ...] = ()
    held: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    deferred: bool = False

    @property
    def broken(self) -> tuple[str, ...]:
        """Names of the broken rules, each once."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))

    @property
    def outcome(self) -> Outcome:
        """Broken beats held; with neither, nothing was checked."""
        if self.findings:
            return "broken"
        return "held" if self.held else "not checked"

    def counts(self) -> dict[str, int]:
        """Return how many rules are held, broken and skipped."""
        return {
            "held": len(self.held),
            "broken": len(self.broken),
            "skipped": len(self.skipped),
        }

    def line(self) -> str:
        """Return one line for a record's notes, after ``contract: ``."""
        left = [f"{name} ({reason})" for name, reason in self.skipped.items()]
        told = f"; not checked: {', '.join(left)}" if left else ""
        if self.deferred:
            told += "; its own view not asked"
        if self.outcome == "broken":
            who = [f"{name} by {', '.join(self._parts(name))}" for name in self.broken]
            return f"broken: {'; '.join(who)}{told}"
        if self.outcome == "held":
            return f"held, {len(self.held)} checks{told}"
        return f"not checked{told.removeprefix('; not checked')}"

    def _parts(self, rule: str) -> list[str]:
        return list(dict.fromkeys(f.part for f in self.findings if f.rule == rule))

    def joined(self, other: ContractReport) -> ContractReport:
        """Return both reports as one; a rule is held where both that asked found it so."""
        findings = tuple(dict.fromkeys((*self.findings, *other.findings)))
        broken = {finding.rule for finding in findings}
        asked = dict.fromkeys((*self.held, *other.held))
        held = tuple(name for name in asked if name not in broken)
        known = {*held, *broken}
        skipped = {**self.skipped, **other.skipped}
        return ContractReport(
            findings,
            held,
            {name: why for name, why in skipped.items() if name not in known},
            {
                name: self.seconds.get(name, 0.0) + other.seconds.get(name, 0.0)
                for name in dict.fromkeys((*self.seconds, *other.seconds))
            },
            self.deferred and other.deferred,
        )


class ContractError(ValueError, AssertionError):
    """A part that breaks the contract; the message begins with the first finding.

    It is a user's error to the tools, and a failed assertion to tests.

    Attributes:
        report: all of it, where a whole list was checked.
    """

    def __init__(self, message: str, report: ContractReport | None = None) -> None:
        super().__init__(message)
        self.report = report or ContractReport()


def refuse_broken(report: ContractReport, remedy: str = "") -> None:
    """Raise ContractError with every finding of a broken report.

    Args:
        report: of any list of checks.
        remedy: a last line of the message.
    """
    if report.outcome != "broken":
        return
    counts = report.counts()
    told = (
        f"{counts['broken']} rules broken, {counts['held']} held, {counts['skipped']} not checked"
    )
    lines: Sequence[str] = [str(finding) for finding in report.findings]
    raise ContractError("\n".join([*lines, told, *([remedy] if remedy else [])]), report)
