"""The reporter's program: writes, seals, queues, hands over, reads answers. Opens nothing it sealed."""
