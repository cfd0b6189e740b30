"""Where events rest: SQL is the truth, Redis the fast view of it."""
