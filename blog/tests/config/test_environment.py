import pytest
from django.core.exceptions import ImproperlyConfigured

from config.environment import Environment


def test_all_problems_are_reported_at_once():
    environment = Environment({"HTTPS": "yes", "PORT": "http", "EMPTY": " "})
    environment.required("SECRET_KEY")
    environment.required("EMPTY")
    environment.switch("HTTPS", "off")
    environment.number("PORT", 8000, at_most=65535)

    with pytest.raises(ImproperlyConfigured) as caught:
        environment.check()

    assert str(caught.value) == (
        "SECRET_KEY, EMPTY are not set; HTTPS is 'yes', and may be on or off; "
        "PORT is 'http', and may be a number from 1 to 65535"
    )


def test_one_missing_variable_is_a_sentence():
    environment = Environment({})
    environment.required("SECRET_KEY")

    with pytest.raises(ImproperlyConfigured, match=r"^SECRET_KEY is not set$"):
        environment.check()


@pytest.mark.parametrize("value", ["0", "65536", "-1", "3306 ", "x", "٣"])
def test_what_is_no_port_is_a_problem(value):
    environment = Environment({"PORT": value})

    assert environment.number("PORT", 8000, at_most=65535) == 8000
    assert len(environment.invalid) == 1


def test_a_secret_is_taken_as_it_is():
    assert Environment({"DATABASE_PASSWORD": " a b "}).required("DATABASE_PASSWORD") == " a b "


def test_a_variable_that_is_set_but_empty_has_its_default():
    assert Environment({"SITE_TITLE": ""}).text("SITE_TITLE", "Slipway") == "Slipway"


def test_list():
    assert Environment({"HOSTS": "a.example, b.example,,"}).list("HOSTS") == ["a.example", "b.example"]
