"""Relays that feed each other: who they are, what they say to one another, and when they dial."""
