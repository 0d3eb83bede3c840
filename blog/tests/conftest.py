import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from operations import database
from posts.models import Post, Tag


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_blocker):
    """Before the test database is made: wait for the server, and refuse one that isn't MySQL."""
    # Connected to no database, because only the one that the tests make has to be there.
    name, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], ""
    with django_db_blocker.unblock():
        try:
            database.wait(60, print)
        except database.Unavailable as error:
            pytest.exit(f"no test was run: {error}", returncode=4)
        if connection.mysql_is_mariadb:
            pytest.exit("no test was run: the blog runs on MySQL, and this server is MariaDB", returncode=4)
        connection.close()
    connection.settings_dict["NAME"] = name


@pytest.fixture(scope="session", autouse=True)
def static_files(tmp_path_factory, django_test_environment):
    """Collected as for production, so that a page that names a file which isn't there fails."""
    from django.conf import settings

    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")
    call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture
def make_post(db):
    """Makes a post, published an hour ago unless it says otherwise."""

    def make(title="A post", *, tags=(), hours_ago=1, **fields):
        fields.setdefault("slug", re.sub(r"\W+", "-", title.lower()).strip("-"))
        fields.setdefault("body", f"The text of {title}.")
        fields.setdefault("published_at", timezone.now() - timedelta(hours=hours_ago))
        post = Post.objects.create(title=title, **fields)
        post.tags.set(Tag.objects.named(*tags))
        return post

    return make


@pytest.fixture
def draft(make_post):
    return make_post("A draft", published_at=None)


@pytest.fixture
def scheduled(make_post):
    return make_post("A scheduled post", hours_ago=-24)


@pytest.fixture
def administrator(db):
    return get_user_model().objects.create_superuser("admin", "admin@example.com", "the first password")


@pytest.fixture
def no_database(monkeypatch):
    """Every new connection fails, as when the server is gone."""
    from django.db import OperationalError

    def refuse(*arguments, **options):
        raise OperationalError(2002, "Can't connect to server on 'database' (115)")

    monkeypatch.setattr(connection, "ensure_connection", refuse)
    monkeypatch.setattr(connection, "cursor", refuse)
