"""A door: makes transactions happen, by chance or out of a file, and publishes them."""
