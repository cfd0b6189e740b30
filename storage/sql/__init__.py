"""The truth: what was stored, once, and every sum that can be asked of it."""
