from xml.etree import ElementTree

import pytest

from .test_rendering import render

ATOM = {"atom": "http://www.w3.org/2005/Atom"}


def entries(response):
    return ElementTree.fromstring(response.content).findall("atom:entry", ATOM)


def test_holds_the_whole_text_of_what_is_published(client, make_post, draft, scheduled):
    post = make_post("Ships & slipways", body="Some *text*.", tags=["Django"])

    response = client.get("/feed/")

    assert response["Content-Type"].startswith("application/atom+xml")
    (entry,) = entries(response)
    assert entry.find("atom:title", ATOM).text == "Ships & slipways"
    assert entry.find("atom:summary", ATOM).text == render("Some *text*.")
    assert entry.find("atom:link", ATOM).get("href") == "http://testserver" + post.get_absolute_url()
    assert entry.find("atom:category", ATOM).get("term") == "Django"


@pytest.mark.parametrize("character", ["\0", "\x0b", "\x1b"])
def test_a_character_that_xml_cannot_hold_does_not_break_it(client, make_post, character):
    make_post(f"Ship{character}s", slug="ships", body=f"te{character}xt")

    assert len(entries(client.get("/feed/"))) == 1


def test_has_the_newest_twenty(client, make_post):
    for number in range(21):
        make_post(f"Post {number}", hours_ago=number + 1)

    titles = [entry.find("atom:title", ATOM).text for entry in entries(client.get("/feed/"))]

    assert titles == [f"Post {number}" for number in range(20)]


@pytest.mark.django_db
def test_is_valid_without_a_post(client):
    assert entries(client.get("/feed/")) == []
