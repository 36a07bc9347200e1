"""The editors' program: one encrypted vault, one inbox out of all relays. Never writes plaintext
to disk but where an editor exports it."""
