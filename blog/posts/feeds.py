from django.conf import settings
from django.contrib.syndication.views import Feed
from django.urls import reverse_lazy
from django.utils.feedgenerator import Atom1Feed

from .models import Post

# XML 1.0 has no way to write these characters, and one of them would make the whole feed unreadable.
UNWRITABLE = dict.fromkeys(set(range(32)) - {9, 10, 13})


class PostFeed(Feed):
    feed_type = Atom1Feed
    link = reverse_lazy("list")
    feed_url = reverse_lazy("feed")

    def title(self):
        return settings.SITE_TITLE

    # Atom asks for an author, of the feed if not of each entry.
    author_name = title

    def items(self):
        return Post.objects.published().prefetch_related("tags")[:20]

    def item_title(self, post):
        return post.title.translate(UNWRITABLE)

    def item_description(self, post):
        return post.html.translate(UNWRITABLE)

    def item_pubdate(self, post):
        return post.published_at

    def item_updateddate(self, post):
        # A change while it was a draft is no update to a reader.
        return max(post.updated_at, post.published_at)

    def item_categories(self, post):
        return [tag.name for tag in post.tags.all()]
