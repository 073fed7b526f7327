"""A parser of arguments that tells a mistake in one line, with the option that could have been meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from adabench.hints import did_you_mean


def whole(least: int = 1) -> Callable[[str], int]:
    """Return what reads an option that is a whole number, at least some other."""

    def read(text: str) -> int:
        if not text.removeprefix("-").isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number, at least {least}; got {text!r}"
            )
        return int(text)

    return read


def above_zero(text: str) -> float:
    """Read an option that is a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise argparse.ArgumentTypeError(f"expected a number above 0; got {text!r}")
    return value


_UNKNOWN = "unrecognized arguments: "


class Parser(argparse.ArgumentParser):
    """argparse's, without the list of all options above each mistake."""

    def error(self, message: str) -> NoReturn:
        """End with the mistake, and where all options are told."""
        hint = ""
        if message.startswith(_UNKNOWN):
            word = message.removeprefix(_UNKNOWN).partition(" ")[0].partition("=")[0]
            hint = did_you_mean(word, self._options())
        self.exit(2, f"{self.prog}: error: {message}.{hint} {self.prog} --help tells all options\n")

    def _options(self) -> list[str]:
        found = [*self._option_string_actions]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                found += [
                    o for inner in action.choices.values() for o in inner._option_string_actions
                ]
        return found
