from django.urls import path

from . import views
from .feeds import PostFeed

urlpatterns = [
    path("", views.PostListView.as_view(), name="list"),
    path("posts/<slug:slug>/", views.PostView.as_view(), name="post"),
    path("tags/", views.TagListView.as_view(), name="tags"),
    path("tags/<slug:slug>/", views.TagView.as_view(), name="tag"),
    path("search/", views.SearchView.as_view(), name="search"),
    path("feed/", PostFeed(), name="feed"),
    path("favicon.ico", views.favicon, name="favicon"),
]
