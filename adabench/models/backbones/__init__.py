"""Backbones that methods share."""
