"""A relay's store in memory, for simulations: what the real one keeps, without the disk."""
