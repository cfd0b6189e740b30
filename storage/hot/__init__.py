"""The fast view in Redis: every user's latest transactions and window sum, kept from SQL's rows."""
