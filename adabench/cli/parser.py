"""A parser of arguments that tells a mistake in one line, with the option that could have been meant."""

from __future__ import annotations

import argparse
from typing import NoReturn

from adabench.hints import did_you_mean

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
