"""What ``tools/profile.py`` measures."""
