"""Rows, controls and statistics over records, and the tables and the page made of them.

`places` says where a leaderboard lies. `checks` holds a record against what lies beside it, `statistics`
says what differences between rows are worth; `rows` reads records and makes tables of them; `pages`
writes these, `acceptance` lets records in and verifies those that are in. Each imports only what is
named before it; `tests/test_house.py` checks it.
"""
