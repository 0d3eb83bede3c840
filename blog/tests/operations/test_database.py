import pytest
from django.db import OperationalError, connection

from operations import database


class Server:
    """Fails with each of these errors in turn, and then accepts."""

    def __init__(self, *errors):
        self.errors = list(errors)

    def connect(self):
        if self.errors:
            raise self.errors.pop(0)


GONE = OperationalError(2002, "Can't connect to server on 'database' (115)")


@pytest.fixture
def connect_to(monkeypatch):
    def connect_to(server):
        monkeypatch.setattr(connection, "ensure_connection", server.connect)

    return connect_to


def test_wait_goes_on_until_the_server_accepts_and_says_so_once(connect_to):
    server = Server(GONE, GONE, GONE)
    connect_to(server)
    said = []

    database.wait(5, said.append, interval=0.01)

    assert server.errors == []
    assert len(said) == 1
    assert "Can't connect" in said[0]


def test_wait_ends(connect_to):
    connect_to(Server(*[GONE] * 1000))

    with pytest.raises(database.Unavailable, match=r"didn't answer within 0\.1 seconds: Can't connect to server"):
        database.wait(0.1, print, interval=0.02)


def test_wait_ends_at_once_if_waiting_cannot_help(connect_to):
    server = Server(OperationalError(1045, "Access denied for user 'blog'@'10.0.0.1' (using password: YES)"), GONE)
    connect_to(server)

    with pytest.raises(database.Unavailable, match=r"refuses the connection: Access denied for user 'blog'"):
        database.wait(60, print)
    assert server.errors == [GONE]


@pytest.mark.django_db
def test_exclusive_keeps_others_out():
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", [f"{connection.settings_dict['NAME']}:release"])
        with pytest.raises(database.Unavailable, match="another release"), database.exclusive("release", 0):
            pass
    finally:
        other.close()


@pytest.mark.django_db
def test_exclusive_lets_the_next_one_in():
    for _ in range(2):
        with database.exclusive("release", 0):
            pass


def test_lift_timeouts(monkeypatch):
    options = {"charset": "utf8mb4", "read_timeout": 30, "write_timeout": 30}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)

    database.lift_timeouts()

    assert connection.settings_dict["OPTIONS"] == {"charset": "utf8mb4"}
