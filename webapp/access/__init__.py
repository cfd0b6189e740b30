"""Who calls, and what they may: every route declares it, and none is reached without."""
