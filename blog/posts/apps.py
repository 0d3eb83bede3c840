from django.apps import AppConfig
from django.conf import settings


class PostsConfig(AppConfig):
    name = "posts"

    def ready(self):
        from django.contrib import admin

        # Two open tabs of two environments look alike otherwise.
        admin.site.site_header = f"{settings.SITE_TITLE} · {settings.ENVIRONMENT}"
        admin.site.site_title = settings.SITE_TITLE
        admin.site.index_title = "Content"
