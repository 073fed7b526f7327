"""Between runs and records: a run written down, several joined, one run again."""
