import pytest
from django.db.migrations.recorder import MigrationRecorder


@pytest.fixture
def https(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


def test_livez_needs_no_database(client):
    # No database is allowed in this test.
    response = client.get("/livez")

    assert (response.status_code, response.content) == (200, b"ok")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_readyz_names_the_release(client, settings):
    settings.RELEASE = "6e0d2a5c"

    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "release": "6e0d2a5c",
        "checks": {"database": "ok", "migrations": "ok"},
    }


def test_readyz_without_a_database(client, no_database, caplog):
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "release": "unknown",
        "checks": {"database": "unavailable", "migrations": "unknown"},
    }
    assert "Can't connect to server" in caplog.text


@pytest.mark.django_db
def test_readyz_with_a_pending_migration(client, caplog):
    MigrationRecorder.Migration.objects.filter(app="posts", name="0001_initial").delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["status"] == "unavailable"
    assert response.json()["checks"] == {"database": "ok", "migrations": "pending"}
    assert "posts.0001_initial" in caplog.text


@pytest.mark.django_db
def test_readyz_with_a_migration_of_a_newer_release(client):
    MigrationRecorder.Migration.objects.create(app="posts", name="9999_of_a_newer_release")

    assert client.get("/readyz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_probes_are_answered_by_address_and_without_https(client, https, path):
    assert client.get(path, headers={"host": "10.0.3.17:8000"}).status_code == 200


@pytest.mark.django_db
def test_everything_else_is_redirected_to_https(client, https):
    response = client.get("/tags/", headers={"host": "blog.example.com"})

    assert (response.status_code, response["Location"]) == (301, "https://blog.example.com/tags/")
    forwarded = client.get("/tags/", headers={"host": "blog.example.com", "x-forwarded-proto": "https"})
    assert forwarded.status_code == 200


def test_everything_else_needs_a_host_that_is_ours(client):
    assert client.get("/tags/", headers={"host": "10.0.3.17:8000"}).status_code == 400
