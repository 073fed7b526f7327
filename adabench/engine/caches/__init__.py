"""What frozen parts compute, kept on disk under the hash of everything it depends on."""
