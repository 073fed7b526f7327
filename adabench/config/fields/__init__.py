"""The sections of an experiment: how it trains, on which faces and persons."""
