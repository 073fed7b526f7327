"""Rows, controls and statistics over records, and the tables and the page made of them."""
