"""Waiting for the database, and making sure that only one release at a time changes it."""

import time
from contextlib import contextmanager

from django.db import OperationalError, connection

# MySQL's numbers for a server that can't be reached: not resolved (2005), not listening (2002, 2003), gone while
# connecting (2006, 2013), too many connections (1040), shutting down (1053). Any other, like a wrong password, is
# final: waiting would only delay the message.
WORTH_WAITING = {1040, 1053, 2002, 2003, 2005, 2006, 2013}


class Unavailable(Exception):
    """The database can't be used; the message says why."""


def lift_timeouts():
    """Let statements of this process take as long as they need, from its next connection on.

    The timeouts protect pages. A change to a large table takes longer, and cut off it would fail every time.
    """
    options = connection.settings_dict["OPTIONS"]
    limits = ("read_timeout", "write_timeout")
    connection.settings_dict["OPTIONS"] = {name: options[name] for name in options if name not in limits}


def wait(seconds, say, interval=2):
    """Return once the database accepts a connection, or raise Unavailable, at the latest after this many seconds."""
    where = "{HOST}:{PORT}".format(**connection.settings_dict)
    deadline = time.monotonic() + seconds
    said = False
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            number, reason = error.args[0], error.args[-1]
            if number not in WORTH_WAITING:
                raise Unavailable(f"the database at {where} refuses the connection: {reason}") from error
            if time.monotonic() + interval > deadline:
                raise Unavailable(
                    f"the database at {where} didn't answer within {seconds} seconds: {reason}"
                ) from error
        if not said:
            say(f"waiting for the database at {where}, {seconds} seconds at most: {reason}")
            said = True
        time.sleep(interval)


@contextmanager
def exclusive(name, seconds):
    """Hold a lock of this database, for as long as the connection lives; raise Unavailable if another holds it.

    MySQL can't roll back a change to a table, so two migrations at the same time could leave a half-made one behind.
    """
    # Lock names belong to the server, which other databases may share, and have 64 characters at most.
    lock = f"{connection.settings_dict['NAME']}:{name}"[:64]
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, %s)", [lock, seconds])
        if cursor.fetchone()[0] != 1:
            raise Unavailable(f"another {name} has been running for {seconds} seconds and isn't done")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT RELEASE_LOCK(%s)", [lock])
