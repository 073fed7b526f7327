"""What must hold of a record beyond its schema: its content, its files, its labels, its licence.

Each check returns the reasons for which a record does not hold, and none where it does.
"""
