from html import unescape

from django.db import models
from django.db.models import Case, Count, Q, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.html import strip_tags
from django.utils.text import Truncator, slugify

from .rendering import render

SLUG_LENGTH = 200


def unique_slug(model, text):
    """A slug made of the text that no other row of the model has yet."""
    # A title in, say, Japanese has no letter that a slug may hold.
    stem = slugify(text)[: SLUG_LENGTH - 10].strip("-") or model._meta.model_name
    slug, number = stem, 1
    while model.objects.filter(slug=slug).exists():
        number += 1
        slug = f"{stem}-{number}"
    return slug


class TagQuerySet(models.QuerySet):
    def in_use(self):
        """Tags that a reader can find posts under, with their number as `post_count`."""
        published = Q(posts__published_at__lte=timezone.now())
        return self.annotate(post_count=Count("posts", filter=published)).filter(post_count__gt=0)

    def named(self, *names):
        """Tags with these names, made where they don't exist yet."""
        return [self.get_or_create(name=name, defaults={"slug": unique_slug(Tag, name)})[0] for name in names]


class Tag(models.Model):
    name = models.CharField(max_length=50, unique=True)
    slug = models.SlugField(max_length=SLUG_LENGTH, unique=True)

    objects = TagQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("tag", args=[self.slug])


class PostQuerySet(models.QuerySet):
    def published(self):
        return self.filter(published_at__lte=timezone.now())

    def scheduled(self):
        return self.filter(published_at__gt=timezone.now())

    def drafts(self):
        return self.filter(published_at__isnull=True)

    def matching(self, query):
        """Posts in which every word of the query occurs, in title, summary, text or a tag; those with a word in the
        title first.

        LIKE and not FULLTEXT: it finds short words, parts of words and tags, and what was saved a moment ago, and has
        no list of words that it ignores. It reads every post, which is a matter of milliseconds for the some thousand
        posts of a blog; far beyond that a FULLTEXT index is the better choice.
        """
        words = query.split()[:8]
        if not words:
            return self.none()
        # The tags in a subquery: a join would list a post once for each of its tags.
        conditions = [
            Q(title__icontains=word)
            | Q(summary__icontains=word)
            | Q(body__icontains=word)
            | Q(pk__in=Post.tags.through.objects.filter(tag__name__icontains=word).values("post"))
            for word in words
        ]
        in_title = Q(*[Q(title__icontains=word) for word in words])
        return self.filter(*conditions).order_by(
            Case(When(in_title, then=Value(0)), default=Value(1)), "-published_at", "-pk"
        )

    def publish(self):
        """Publish now what isn't published yet, and return how many posts that were."""
        now = timezone.now()
        return self.filter(Q(published_at=None) | Q(published_at__gt=now)).update(published_at=now)

    def withdraw(self):
        """Make drafts of these posts again, and return how many weren't."""
        return self.exclude(published_at=None).update(published_at=None)


class Post(models.Model):
    title = models.CharField(max_length=200)
    slug = models.SlugField(max_length=SLUG_LENGTH, unique=True, help_text="The last part of the post's address.")
    summary = models.TextField(
        blank=True,
        help_text="One or two sentences for lists, search results and the feed. Empty: how the text begins.",
    )
    body = models.TextField("text", help_text="Markdown.")
    tags = models.ManyToManyField(Tag, blank=True, related_name="posts")
    # One date says it all: a separate status could contradict it.
    published_at = models.DateTimeField(
        "publication",
        null=True,
        blank=True,
        help_text="UTC. Empty: a draft. In the future: appears then by itself.",
    )
    created_at = models.DateTimeField("created", auto_now_add=True)
    updated_at = models.DateTimeField("last change", auto_now=True)

    objects = PostQuerySet.as_manager()

    class Meta:
        ordering = ["-published_at", "-pk"]
        indexes = [models.Index(fields=["-published_at", "-id"], name="post_newest_first")]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("post", args=[self.slug])

    @property
    def state(self):
        if self.published_at is None:
            return "draft"
        return "published" if self.published_at <= timezone.now() else "scheduled"

    @property
    def html(self):
        return render(self.body)

    @property
    def description(self):
        return self.summary or Truncator(unescape(strip_tags(self.html))).words(40)

    @property
    def reading_minutes(self):
        return max(1, round(len(self.body.split()) / 220))
