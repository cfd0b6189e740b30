"""Guards taken out one by one, each in a copy of the tree: the test that stands for it must turn red."""
