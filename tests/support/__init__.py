"""What tests stand on: real servers and doors as child processes, and ways to wait for them."""
