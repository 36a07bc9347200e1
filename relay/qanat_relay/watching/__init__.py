"""How a relay shows what it does: to its operator, to Prometheus, to the public."""
