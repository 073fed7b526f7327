"""Aggregators that methods share."""
