"""What Prometheus is told: what the workers counted, and what Redis and SQL say when they are asked.

Workers count each for itself. Where there are several, they count into files that whichever of them is asked adds up
(the client library's multiprocess mode; gunicorn.conf.py says where), so any worker's answer is that of all.
"""
