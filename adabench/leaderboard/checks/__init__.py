"""What a record is held against beside itself: its config, its corpus, the generator, other records."""
