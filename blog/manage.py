#!/usr/bin/env python
"""Runs a management command."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main(arguments):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as error:
        # A variable that isn't set is no bug: a stack trace would only hide its name.
        sys.exit(f"blog: {error}")


if __name__ == "__main__":
    main(sys.argv)
