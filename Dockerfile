# One image for the three doors and the migrations; what a container runs is its command.
FROM python:3.11-slim-bookworm AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt /tmp/requirements.txt
RUN python -m venv /opt/tally \
    && /opt/tally/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/tally/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tally
COPY --from=dependencies /opt/tally /opt/tally
WORKDIR /srv/tally
COPY . .
USER 10001:10001
EXPOSE 5000
# exec form: gunicorn is process 1 and hears SIGTERM itself
CMD ["gunicorn", "-c", "gunicorn.conf.py", "webapp.wsgi:app"]
