import os
import subprocess
import sys
import time

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

User = get_user_model()


@pytest.fixture(autouse=True)
def keep_timeouts(monkeypatch):
    """The command lifts them for its process, which here is everybody's."""
    monkeypatch.setattr("operations.database.lift_timeouts", lambda: None)


@pytest.mark.django_db
def test_creates_the_administrator(capsys):
    call_command("release")

    user = authenticate(username="admin", password="the first password")
    assert user.is_superuser
    assert user.is_staff
    assert user.email == "admin@example.com"
    assert "release: administrator admin created" in capsys.readouterr().out


@pytest.mark.django_db
def test_a_second_run_changes_nothing(capsys):
    call_command("release")
    before = User.objects.values().get()
    capsys.readouterr()

    call_command("release")

    assert User.objects.values().get() == before
    assert capsys.readouterr().out.endswith(
        "No migrations to apply.\nrelease: administrator admin is up to date\nrelease: unknown is ready to serve\n"
    )


@pytest.mark.django_db
def test_a_rotated_password_is_applied(settings, capsys):
    call_command("release")
    settings.ADMIN_PASSWORD = "the second password"

    call_command("release")

    assert authenticate(username="admin", password="the second password")
    assert not authenticate(username="admin", password="the first password")
    assert "has the password that the secret holds now" in capsys.readouterr().out


@pytest.mark.django_db
def test_an_administrator_who_was_locked_out_can_log_in_again():
    call_command("release")
    User.objects.update(is_active=False, is_superuser=False)

    call_command("release")

    assert authenticate(username="admin", password="the first password").is_superuser


def test_refuses_to_go_without_a_password(settings):
    # Before the database is touched, which this test isn't allowed to.
    settings.ADMIN_PASSWORD = ""

    with pytest.raises(CommandError, match=r"^ADMIN_PASSWORD is not set$"):
        call_command("release")


@pytest.mark.django_db
def test_a_migration_that_fails_is_an_error(monkeypatch):
    def fail(*arguments, **options):
        raise OperationalError(1146, "Table 'blog.posts_post' doesn't exist")

    monkeypatch.setattr("operations.management.commands.release.call_command", fail)

    with pytest.raises(CommandError, match=r"posts_post' doesn't exist"):
        call_command("release")
    assert not User.objects.exists()


def run(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "entrypoint", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.django_db(transaction=True)
def test_migrates_an_empty_database():
    """The whole command against a database of its own, as the first deployment runs it."""
    name = f"{connection.settings_dict['NAME']}_release"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
        cursor.execute(f"CREATE DATABASE `{name}`")
        try:
            done = run("release", DATABASE_NAME=name)
            cursor.execute(f"SELECT username FROM `{name}`.auth_user")
            users = cursor.fetchall()
        finally:
            cursor.execute(f"DROP DATABASE `{name}`")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Applying posts.0001_initial... OK" in done.stdout
    assert done.stdout.endswith("release: unknown is ready to serve\n")
    assert users == (("admin",),)


def test_an_unreachable_database_is_a_readable_error_after_a_bounded_time():
    began = time.monotonic()

    # Nothing listens on port 1.
    done = run("manage", "release", "--wait", "3", DATABASE_HOST="127.0.0.1", DATABASE_PORT="1")

    assert done.returncode == 1
    assert "release: waiting for the database at 127.0.0.1:1, 3 seconds at most" in done.stdout
    assert "CommandError: the database at 127.0.0.1:1 didn't answer within 3 seconds" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - began < 15


def test_a_wrong_password_is_a_readable_error_at_once():
    done = run("release", DATABASE_PASSWORD="wrong")

    assert done.returncode == 1
    assert "refuses the connection: Access denied for user" in done.stderr
    assert "Traceback" not in done.stderr
