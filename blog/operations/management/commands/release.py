from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from operations import database


class Command(BaseCommand):
    help = "Prepare the database for this release: migrate it, and ensure that the administrator can log in."

    def add_arguments(self, parser):
        parser.add_argument(
            "--wait",
            type=int,
            default=60,
            metavar="SECONDS",
            help="how long to wait for the database, and for another release to end (default: %(default)s)",
        )

    def handle(self, *, wait, verbosity, **options):
        if not settings.ADMIN_PASSWORD:
            raise CommandError("ADMIN_PASSWORD is not set")
        database.lift_timeouts()
        try:
            database.wait(wait, self.say)
            with database.exclusive("release", wait):
                # Even with nothing to apply: it also makes permissions that an interrupted run may have left out.
                call_command("migrate", interactive=False, verbosity=verbosity)
                self.ensure_administrator()
        except database.Unavailable as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"the database refused: {error}") from error
        self.say(f"{settings.RELEASE} is ready to serve")

    @transaction.atomic
    def ensure_administrator(self):
        """Make the account what the secret says it is.

        The secret is where this password lives: one that was rotated there is applied here, and one that was changed in
        the admin lasts until the next release. Who works with the blog every day has an account of their own.
        """
        name = settings.ADMIN_USERNAME
        user, created = get_user_model().objects.get_or_create(username=name)
        user.email = settings.ADMIN_EMAIL
        user.is_active = user.is_staff = user.is_superuser = True
        rotated = not user.check_password(settings.ADMIN_PASSWORD)
        if rotated:
            # Only then: a new hash of the same password would end the sessions of everybody who is logged in.
            user.set_password(settings.ADMIN_PASSWORD)
        user.save()
        if created:
            self.say(f"administrator {name} created")
        elif rotated:
            self.say(f"administrator {name} has the password that the secret holds now")
        else:
            self.say(f"administrator {name} is up to date")

    def say(self, line):
        self.stdout.write(f"release: {line}")
