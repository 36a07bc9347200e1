"""What a window of a bad link carries: Qanat's own programs on hosts that only such links join,
beside one raw TCP connection and NNCP. Linux, root. Never a test."""
