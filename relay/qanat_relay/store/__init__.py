"""What a relay keeps. One interface, several backends, one suite of tests that each must pass."""
