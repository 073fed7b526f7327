"""What a run reads: its corpus, who is trained on and tested, and the caches of what frozen parts compute."""
