"""The methods that ship with adabench, one folder each; installed as ``adabench_plugins``."""
