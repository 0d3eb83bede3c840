"""The settings of production, as tests use them. Only the database comes from outside."""

import os

import pytest

if not os.environ.get("DATABASE_HOST"):
    raise pytest.UsageError(
        "DATABASE_HOST is not set: the tests need a MySQL server of their own, and nothing else stands in for it. "
        "./test starts one."
    )

# Whatever the shell that runs the tests is configured for, they are about this.
for name in ("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "RELEASE", "SITE_TITLE"):
    os.environ.pop(name, None)
os.environ |= {
    "DEBUG": "off",
    "HTTPS": "off",
    "ENVIRONMENT": "test",
    "SECRET_KEY": "a key of the tests, which sign nothing that anybody else reads",
    "SITE_URL": "http://blog.example.com",
    "ADMIN_USERNAME": "admin",
    "ADMIN_EMAIL": "admin@example.com",
    "ADMIN_PASSWORD": "the first password",
}
os.environ.setdefault("DATABASE_NAME", "blog")
os.environ.setdefault("DATABASE_USER", "root")

from config.settings import *  # noqa: E402, F403

# A slow hash is the point of a password's hash, and of no use to a test.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
