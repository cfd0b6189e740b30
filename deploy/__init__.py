"""Running Tally somewhere: its virtual environment, and the processes of the demo."""
