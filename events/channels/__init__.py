"""How events travel: a durable log a partition and a feed, read by consumer groups."""
