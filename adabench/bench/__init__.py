"""Suites of rows, run as jobs here or on a cluster; a paper's table beside what was measured."""
