from datetime import timedelta
from email import message_from_string
from pathlib import Path

from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from posts.models import Post, Tag

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


class Command(BaseCommand):
    help = "Fill the blog with sample posts. Posts that are there already stay as they are."

    @transaction.atomic
    def handle(self, **options):
        created = 0
        for path in sorted(SAMPLES.glob("*.md")):
            # The form of a mail: headers, an empty line, the text.
            sample = message_from_string(path.read_text(encoding="utf-8"))
            post, new = Post.objects.get_or_create(
                slug=path.stem,
                defaults={
                    "title": sample["Title"],
                    "summary": sample["Summary"],
                    "body": sample.get_payload().strip(),
                    "published_at": published_at(sample["Days-Ago"]),
                },
            )
            if new:
                post.tags.set(Tag.objects.named(*sample["Tags"].split(", ")))
                created += 1
        self.stdout.write(f"{created} sample posts created")


def published_at(days_ago):
    """None, for a draft, if there is no number; a negative one makes a scheduled post."""
    return timezone.now() - timedelta(days=int(days_ago)) if days_ago else None
