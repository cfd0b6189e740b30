"""What is said: the events, the rules that make them valid, their bytes and how they travel."""
