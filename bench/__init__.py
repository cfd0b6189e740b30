"""How fast Tally is, beside the fastest thing that could be in its place: `python -m bench [storing|window|burst]`."""
