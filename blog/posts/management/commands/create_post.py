import sys

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from posts.models import Post, Tag, unique_slug


class Command(BaseCommand):
    help = "Create a post, published now, and print the path of its address."

    def add_arguments(self, parser):
        parser.add_argument("--title", required=True)
        parser.add_argument("--body", default="", help="Markdown; - reads it from standard input (default: the title)")
        parser.add_argument("--summary", default="")
        parser.add_argument("--tag", action="append", default=[], dest="tags", metavar="TAG", help="may be repeated")
        parser.add_argument("--draft", action="store_true", help="don't publish it")

    @transaction.atomic
    def handle(self, *, title, body, summary, tags, draft, **options):
        title = title.strip()
        post = Post(
            title=title,
            slug=unique_slug(Post, title),
            summary=summary,
            body=sys.stdin.read() if body == "-" else body or title,
            published_at=None if draft else timezone.now(),
        )
        try:
            post.full_clean()
        except ValidationError as error:
            problems = [f"{field}: {' '.join(texts)}" for field, texts in error.message_dict.items()]
            raise CommandError("; ".join(problems)) from error
        post.save()
        post.tags.set(Tag.objects.named(*tags))
        self.stdout.write(post.get_absolute_url())
