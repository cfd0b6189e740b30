"""How fast Tally is, beside what could be in its place: `python -m bench [NAME …]`; `--help` names them."""
