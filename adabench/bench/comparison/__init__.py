"""A suite's table: what was measured beside what its paper prints, compared and written."""
