"""The settings as a process of their own sees them: they are read once, at its start."""

import json
import os
import subprocess
import sys

import pytest

COMPLETE = {
    "SECRET_KEY": "cGVyZmVjdGx5IHJhbmRvbSBhbmQgbG9uZyBlbm91Z2ggZm9yIHRoZSBjaGVja3M6IDEyMzQ1Njc4OTA",
    "DATABASE_HOST": "database.example.com",
    "DATABASE_NAME": "blog",
    "DATABASE_USER": "blog",
    "DATABASE_PASSWORD": "secret",
    "SITE_URL": "https://blog.example.com",
}


@pytest.fixture
def run():
    """Runs a command with these variables and no others of the blog."""

    def run(*command, **variables):
        surroundings = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        return subprocess.run(
            [sys.executable, *command],
            env=surroundings | variables,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def setting(run):
    """The value of a setting under these variables."""

    def setting(name, **variables):
        program = f"import json; from config import settings; print(json.dumps(settings.{name}))"
        done = run("-c", program, **COMPLETE | variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return setting


@pytest.mark.parametrize("command", [["web"], ["release"], ["manage", "check"]])
def test_production_refuses_to_start_and_names_everything_that_is_missing(run, command):
    done = run("entrypoint", *command)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "blog: SECRET_KEY, ALLOWED_HOSTS or SITE_URL, DATABASE_HOST, DATABASE_NAME, DATABASE_USER, DATABASE_PASSWORD "
        "are not set\n"
    )


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_PASSWORD"])
def test_production_refuses_to_start_without_a_secret(run, name):
    done = run("entrypoint", "web", **COMPLETE | {name: ""})

    assert (done.returncode, done.stderr) == (1, f"blog: {name} is not set\n")


def test_values_that_make_no_sense_are_named(run):
    done = run("entrypoint", "manage", "check", **COMPLETE | {"HTTPS": "1", "PORT": "http", "SITE_URL": "blog"})

    assert done.returncode == 1
    for name in ("HTTPS", "PORT", "SITE_URL"):
        assert f"{name} is '" in done.stderr


def test_no_secret_is_in_a_refusal(run):
    done = run("entrypoint", "web", **COMPLETE | {"HTTPS": "1"})

    assert COMPLETE["SECRET_KEY"] not in done.stderr
    assert COMPLETE["DATABASE_PASSWORD"] not in done.stderr


def test_development_needs_a_database_host_only(run):
    assert run("manage.py", "check", DEBUG="on", DATABASE_HOST="127.0.0.1").returncode == 0


@pytest.mark.parametrize("https", ["on", "off"])
def test_deployment_checks_are_clean(run, https):
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **COMPLETE, HTTPS=https)

    assert done.returncode == 0, done.stderr


def test_hosts_and_trusted_origins_follow_from_the_address_of_the_site(setting):
    assert setting("ALLOWED_HOSTS", SITE_URL="https://blog.example.com:8443/") == ["blog.example.com"]
    assert setting("CSRF_TRUSTED_ORIGINS", SITE_URL="https://blog.example.com:8443/") == [
        "https://blog.example.com:8443"
    ]


def test_hosts_that_are_given_win_over_the_address_of_the_site(setting):
    assert setting("ALLOWED_HOSTS", ALLOWED_HOSTS="a.example,b.example") == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("variables", "options"),
    [
        ({}, {"ssl_mode": "REQUIRED"}),
        ({"DATABASE_TLS": "off"}, {"ssl_mode": "DISABLED"}),
        ({"DATABASE_CA": "/ca.pem"}, {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": "/ca.pem"}}),
    ],
)
def test_connection_to_the_database_is_encrypted_unless_told_otherwise(setting, variables, options):
    chosen = setting("DATABASES", **variables)["default"]["OPTIONS"]

    assert {name: chosen[name] for name in chosen if name.startswith("ssl")} == options


def test_cookies_are_secure_with_https(setting):
    assert setting("SESSION_COOKIE_SECURE", HTTPS="on")
    assert setting("CSRF_COOKIE_SECURE", HTTPS="on")


def test_the_scheme_a_client_claims_is_not_believed_without_https(setting):
    assert setting("__dict__.get('SECURE_PROXY_SSL_HEADER')", HTTPS="off") is None
