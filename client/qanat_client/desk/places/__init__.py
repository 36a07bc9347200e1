"""Where and when reports were written: a table of cities, what words mean, numbers by hour."""
