"""What a session shows: whose it is and with which score, what the face does, planted shortcuts."""
