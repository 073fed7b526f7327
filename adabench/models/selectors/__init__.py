"""Selectors that methods share."""
