"""The reporter's program: writes, seals, queues, hands over. Opens nothing that it sealed."""
