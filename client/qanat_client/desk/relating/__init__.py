"""What may belong together, and what agrees: read from the vault, decided by an editor."""
