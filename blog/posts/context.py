from django.conf import settings


def site(request):
    """What every page shows of the site. Needs no database, so that the 404 page doesn't either."""
    return {"site_title": settings.SITE_TITLE}
