"""The one HTML page: its data, its scripts and styles, and writing it."""
