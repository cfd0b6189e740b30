"""The live stream: one reader a partition and a worker, and everybody who watches."""
