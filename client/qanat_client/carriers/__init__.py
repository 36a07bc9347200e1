"""Ways that a session travels: a byte duplex to a relay, and a conversation of frames on it."""
