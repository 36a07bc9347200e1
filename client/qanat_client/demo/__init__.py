"""The demonstration: the whole story on one machine, with a small real shutdown in it."""
