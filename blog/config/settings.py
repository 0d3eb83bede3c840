"""Settings, from environment variables only. README.md lists the variables."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from .environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

environment = Environment(os.environ)

DEBUG = environment.switch("DEBUG", "off")
HTTPS = environment.switch("HTTPS", "off")


def needed(name, in_development):
    """A variable that production doesn't start without."""
    return environment.text(name, in_development) if DEBUG else environment.required(name)


SECRET_KEY = needed("SECRET_KEY", "django-insecure-for-development-only")

# Where and what this is

ENVIRONMENT = environment.text("ENVIRONMENT", "development" if DEBUG else "production")
RELEASE = environment.text("RELEASE", "unknown")
SITE_TITLE = environment.text("SITE_TITLE", "Slipway")
SITE_URL = environment.text("SITE_URL").rstrip("/")

site = urlsplit(SITE_URL)
if SITE_URL and not (site.scheme in ("http", "https") and site.hostname):
    environment.invalid.append(f"SITE_URL is {SITE_URL!r}, and may be like https://blog.example.com")

ALLOWED_HOSTS = environment.list("ALLOWED_HOSTS") or ([site.hostname] if site.hostname else [])
if not ALLOWED_HOSTS and not DEBUG:
    environment.missing.append("ALLOWED_HOSTS or SITE_URL")
CSRF_TRUSTED_ORIGINS = environment.list("CSRF_TRUSTED_ORIGINS") or (
    [f"{site.scheme}://{site.netloc}"] if site.hostname else []
)

# Database

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": environment.required("DATABASE_HOST"),
        "PORT": environment.number("DATABASE_PORT", 3306, at_most=65535),
        "NAME": needed("DATABASE_NAME", "blog"),
        "USER": needed("DATABASE_USER", "root"),
        "PASSWORD": needed("DATABASE_PASSWORD", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "charset": "utf8mb4",
            # Below the load balancer's health check timeout, so that /readyz still answers when the database doesn't.
            "connect_timeout": 3,
            "read_timeout": 30,
            "write_timeout": 30,
        },
        "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_0900_ai_ci"},
    }
}
database_options = DATABASES["default"]["OPTIONS"]
if not environment.switch("DATABASE_TLS", "on"):
    database_options["ssl_mode"] = "DISABLED"
elif database_ca := environment.text("DATABASE_CA"):
    database_options |= {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": database_ca}}
else:
    # Encrypted, but the server's certificate isn't checked: no image carries the authority of every MySQL server.
    database_options["ssl_mode"] = "REQUIRED"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The server, for config/gunicorn.py
PORT = environment.number("PORT", 8000, at_most=65535)
WEB_CONCURRENCY = environment.number("WEB_CONCURRENCY", 2, at_most=64)

# The administrator whom the command `release` keeps. Only that command needs the password, and refuses to go without.
ADMIN_USERNAME = environment.text("ADMIN_USERNAME", "admin")
ADMIN_EMAIL = environment.text("ADMIN_EMAIL")
ADMIN_PASSWORD = environment.text("ADMIN_PASSWORD")

environment.check()

# Application

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

INSTALLED_APPS = [
    "operations",
    "posts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    # First, because a load balancer probes by address and over plain HTTP: neither the check of the host name nor the
    # redirect to HTTPS may answer it.
    "operations.probes.ProbeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "operations.headers.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "posts.context.site",
            ],
        },
    },
]

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

# Security

SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
X_FRAME_OPTIONS = "DENY"

# Each is a promise that the owner of the domain makes, about hosts that this application knows nothing of.
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains
    "security.W021",  # HSTS preload
]
if HTTPS:
    # The load balancer ends TLS and overwrites this header in every request. Without HTTPS nothing in front of the
    # application is known to do so, and a client could set it.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 30 * 24 * 60 * 60
else:
    # An environment whose load balancer has no certificate (dev, rehearsal) can be used over plain HTTP only: a secure
    # cookie would lock everybody out of the admin. HTTPS=off is that decision, so the checks need not repeat it.
    SILENCED_SYSTEM_CHECKS += [
        "security.W004",  # HSTS
        "security.W008",  # redirect to HTTPS
        "security.W012",  # secure session cookie
        "security.W016",  # secure CSRF cookie
    ]

# Logging: lines on standard output, where the container's log driver takes them. A request that fails with an
# exception logs its traceback there too, through Django's logger django.request.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {
        "stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"},
    },
    "root": {"handlers": ["stdout"], "level": "INFO"},
    "loggers": {
        # Named so that Django's own handlers, one of which would send mail to nobody, are replaced.
        "django": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        # Scanners ask for any host name. The access log has the 400; a traceback for each would bury real ones.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
    },
}
