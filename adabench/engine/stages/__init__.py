"""What is trained before a method, found by the hash of everything it depends on."""
