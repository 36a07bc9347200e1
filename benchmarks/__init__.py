"""How fast Qanat is, as ratios to what its libraries and the disk could do at most, measured in the
same run. Never a test: nothing here fails for being slow."""
