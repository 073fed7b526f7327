"""From config files, options and a suite's row to an experiment, with mistakes told by file and field."""
