"""Heads that methods share."""
