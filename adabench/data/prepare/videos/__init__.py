"""A video file read as players show it: its container, its streams, its frames and their times."""
