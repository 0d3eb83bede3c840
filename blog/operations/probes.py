"""/livez and /readyz: whether the process lives, and whether it can serve."""

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

logger = logging.getLogger(__name__)


class ProbeMiddleware:
    """Answers the probes ahead of everything else, and passes on every other request."""

    probes = {}

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        probe = self.probes.get(request.path_info)
        if probe is None or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        return probe(request)


@never_cache
def livez(request):
    return HttpResponse("ok", content_type="text/plain")


@never_cache
def readyz(request):
    checks = readiness()
    ready = all(result == "ok" for result in checks.values())
    document = {
        "status": "ok" if ready else "unavailable",
        "release": settings.RELEASE,
        "checks": checks,
    }
    return JsonResponse(document, status=200 if ready else 503)


ProbeMiddleware.probes = {"/livez": livez, "/readyz": readyz}


def readiness():
    """The result of each check. Anybody can ask, so the reason goes to the log and not into the answer."""
    try:
        pending = pending_migrations()
    except DatabaseError as error:
        logger.error("not ready: the database is unavailable: %s", error)
        # A connection that broke in the middle is of no use to the next request either.
        connection.close()
        return {"database": "unavailable", "migrations": "unknown"}
    if pending:
        logger.error("not ready: migrations not applied: %s", ", ".join(pending))
        return {"database": "ok", "migrations": "pending"}
    return {"database": "ok", "migrations": "ok"}


def pending_migrations():
    """Names of migrations that this release needs and the database lacks. Those of a newer release don't count: while
    it is being rolled out, the old one has to go on serving."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, backwards in plan]
