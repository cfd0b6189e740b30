""".env.example and docker-compose.yml know every setting that config.py reads."""

import re

from tests.support.process import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
READ = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", (ROOT / "config.py").read_text()))


def shown() -> dict[str, str]:
    return dict(re.findall(r"^# ([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))


def test_the_example_shows_every_setting_and_no_other():
    assert "REDIS_URL" in READ
    users = re.findall(r"REDIS_[A-Z]+_PASSWORD", (ROOT / "deploy/acl/users.sh").read_text())
    assert set(shown()) == READ | {"MYSQL_PASSWORD"} | set(users)


def test_the_example_shows_the_defaults(monkeypatch, tmp_path):
    import config

    for name in READ:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(config, "ROOT", tmp_path)  # a developer's own .env stays out of it
    defaults = config.load()
    for name in READ - {"BUS_URL", "DATABASE_URL"}:
        monkeypatch.setenv(name, shown()[name])
    assert config.load() == defaults


def test_compose_hands_on_the_settings_that_matter_in_it():
    passed_on = set(re.findall(r"^ +([A-Z_]+):", COMPOSE, re.MULTILINE))
    assert READ - passed_on == {"BUS_URL"}


def test_compose_holds_no_secret():
    values = re.findall(r"^ +\w*PASSWORD\w*: *(.+)$", COMPOSE, re.MULTILINE)
    assert values
    assert all(value.startswith("${") or value == '"yes"' for value in values)
    callers = re.findall(r"://(\w+:.+?)@", COMPOSE)
    assert all(re.fullmatch(r"\w+:\$\{\w+PASSWORD:\?[^}]+\}", caller) for caller in callers)
