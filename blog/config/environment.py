"""Reads configuration from environment variables, and reports everything that is wrong with them at once."""

from django.core.exceptions import ImproperlyConfigured


class Environment:
    """Variables with their defaults. Problems are gathered, so that one start is enough to learn of all of them."""

    def __init__(self, variables):
        self.variables = variables
        self.missing = []
        self.invalid = []

    def text(self, name, default=""):
        # A variable that is set but empty counts as not set: templates pass empty values for what they leave out.
        value = self.variables.get(name, "")
        return value if value.strip() else default

    def required(self, name):
        value = self.text(name)
        if not value:
            self.missing.append(name)
        return value

    def switch(self, name, default):
        value = self.text(name, default)
        if value not in ("on", "off"):
            self.invalid.append(f"{name} is {value!r}, and may be on or off")
        return value == "on"

    def number(self, name, default, at_most):
        value = self.text(name, str(default))
        if not (value.isdecimal() and value.isascii() and 1 <= int(value) <= at_most):
            self.invalid.append(f"{name} is {value!r}, and may be a number from 1 to {at_most}")
            return default
        return int(value)

    def list(self, name):
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def check(self):
        """Raise ImproperlyConfigured with one line about all problems, if there are any."""
        problems = list(self.invalid)
        if self.missing:
            verb = "is" if len(self.missing) == 1 else "are"
            problems.insert(0, f"{', '.join(self.missing)} {verb} not set")
        if problems:
            raise ImproperlyConfigured("; ".join(problems))
