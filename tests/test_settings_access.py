"""Who may come in, as the settings say: nothing is open by accident, and no secret has a default."""

import pytest

from config import ConfigError
from tests.support.ports import free_port
from tests.support.settings import settings_of

SECRET = "0123456789abcdef0123456789abcdef"
HERE = ("localhost", "127.0.0.1", "[::1]")


def wrong(**environment: str) -> str:
    with pytest.raises(ConfigError) as error:
        settings_of(**environment)
    return "\n".join(error.value.lines)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "[::1]", "localhost"])
def test_on_this_machine_the_door_is_open_unless_told_otherwise(host):
    settings = settings_of(HOST=host)
    assert settings.is_open
    assert settings.secret_key == ""
    assert settings.trusted_hosts == HERE
    assert not settings_of(HOST=host, AUTH="required", SECRET_KEY=SECRET).is_open


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tally.example", "127.0.0.1.example"])
def test_anywhere_else_accounts_are_required_and_a_secret_with_them(host):
    assert wrong(HOST=host).startswith("SECRET_KEY: ")
    assert not settings_of(HOST=host, SECRET_KEY=SECRET).is_open
    assert wrong(HOST=host, AUTH="open").startswith("HOST: ")
    assert wrong(HOST=host, AUTH="open", SECRET_KEY=SECRET).startswith("HOST: ")


def test_a_secret_is_long_enough_and_is_not_shown():
    assert "32 characters" in wrong(AUTH="required", SECRET_KEY=SECRET[:-1])
    settings = settings_of(AUTH="required", SECRET_KEY=SECRET)
    assert settings.secret_key == SECRET
    assert SECRET not in repr(settings)


def test_behind_a_proxy_callers_must_be_known():
    assert wrong(TRUSTED_PROXIES="1").startswith("TRUSTED_PROXIES: ")
    assert settings_of(TRUSTED_PROXIES="1", AUTH="required", SECRET_KEY=SECRET).trusted_proxies == 1


def test_an_open_door_never_trusts_every_name():
    assert settings_of(TRUSTED_HOSTS="").trusted_hosts == HERE
    assert settings_of(TRUSTED_HOSTS="tally.local, .test").trusted_hosts == ("tally.local", ".test")
    assert settings_of(AUTH="required", SECRET_KEY=SECRET).trusted_hosts == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH", "none"),
        ("AUTH", ""),
        ("SIGNUP", "perhaps"),
        ("CLAIMS_PER_10_S", "0"),
        ("CLAIMS_PER_10_S", "many"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "9"),
    ],
)
def test_a_wrong_value_names_its_variable(name, value):
    assert wrong(**{name: value}).startswith(f"{name}: ")


def test_a_web_without_its_secret_does_not_start(doors, tmp_path):
    env = {"AUTH": "required", "DATABASE_URL": f"sqlite:///{tmp_path}/t.sqlite", "PORT": str(free_port())}
    done = doors.run("gunicorn", "-c", "gunicorn.conf.py", "webapp.wsgi:app", env=env, expect=None)
    assert done.returncode != 0
    assert "SECRET_KEY: is needed with AUTH=required" in done.stderr
    assert "Traceback" not in done.stderr
