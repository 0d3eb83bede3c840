import re

import pytest
from django.db import connection
from django.utils.html import escape

from posts.views import POSTS_PER_PAGE


def text(response):
    return response.content.decode()


class TestList:
    def test_shows_what_is_published(self, client, make_post, draft, scheduled):
        make_post("A published post", summary="In short.", tags=["Django"])

        page = text(client.get("/"))

        assert "A published post" in page
        assert "In short." in page
        assert 'href="/tags/django/"' in page
        assert draft.title not in page
        assert scheduled.title not in page

    @pytest.mark.django_db
    def test_without_a_post(self, client):
        assert "Nothing is published yet." in text(client.get("/"))

    def test_pages(self, client, make_post):
        for number in range(POSTS_PER_PAGE + 1):
            make_post(f"Post {number}", hours_ago=number + 1)

        first, second = text(client.get("/")), text(client.get("/?page=2"))

        assert first.count('<article class="entry">') == POSTS_PER_PAGE
        assert 'rel="next" href="?page=2"' in first
        assert 'rel="prev"' not in first
        assert second.count('<article class="entry">') == 1
        assert 'rel="prev" href="?page=1"' in second

    @pytest.mark.parametrize("page", ["0", "2", "-1", "x"])
    def test_a_page_that_does_not_exist(self, client, make_post, page):
        make_post()

        assert client.get("/", {"page": page}).status_code == 404

    def test_costs_the_same_however_many_posts_there_are(self, client, make_post, django_assert_num_queries):
        for number in range(POSTS_PER_PAGE):
            make_post(f"Post {number}", tags=["Django", f"Tag {number}"])

        with django_assert_num_queries(3):  # the number of posts, the posts, their tags
            client.get("/")

    def test_depends_on_no_cookie(self, client, make_post):
        make_post()

        assert "Cookie" not in client.get("/").get("Vary", "")


class TestPost:
    def test_shows_the_text(self, client, make_post):
        post = make_post("A <b>title</b>", slug="title", body="Some *text*.<script>alert(1)</script>", tags=["Django"])

        response = client.get(post.get_absolute_url())

        assert "<em>text</em>" in text(response)
        assert escape("A <b>title</b>") in text(response)
        assert "alert(1)" not in text(response)
        assert "Cookie" not in response.get("Vary", "")

    def test_leads_to_its_neighbours(self, client, make_post, draft, scheduled):
        posts = [make_post(f"Post {number}", hours_ago=3 - number) for number in range(3)]

        page = text(client.get(posts[1].get_absolute_url()))

        assert f'rel="prev" href="{posts[2].get_absolute_url()}"' in page
        assert f'rel="next" class="older" href="{posts[0].get_absolute_url()}"' in page
        assert 'rel="prev"' not in text(client.get(posts[2].get_absolute_url()))

    def test_neighbours_of_the_same_moment(self, client, make_post):
        first = make_post("First")
        second = make_post("Second", published_at=first.published_at)

        assert f'rel="prev" href="{second.get_absolute_url()}"' in text(client.get(first.get_absolute_url()))
        assert f'rel="next" class="older" href="{first.get_absolute_url()}"' in text(
            client.get(second.get_absolute_url())
        )

    @pytest.mark.parametrize("name", ["draft", "scheduled"])
    def test_readers_do_not_see_what_is_not_published(self, client, request, name):
        post = request.getfixturevalue(name)

        assert client.get(post.get_absolute_url()).status_code == 404

    @pytest.mark.parametrize(("name", "notice"), [("draft", "A draft"), ("scheduled", "Readers see this from")])
    def test_editors_preview_it(self, client, administrator, request, name, notice):
        post = request.getfixturevalue(name)
        client.force_login(administrator)

        response = client.get(post.get_absolute_url())

        assert notice in text(response)
        assert "no-store" in response["Cache-Control"]

    def test_a_user_without_the_permission_does_not(self, client, django_user_model, draft):
        client.force_login(django_user_model.objects.create_user("reader"))

        assert client.get(draft.get_absolute_url()).status_code == 404


class TestTags:
    def test_a_tag_lists_its_posts(self, client, make_post):
        make_post("One", tags=["Django"])
        make_post("Two", tags=["MySQL"])

        page = text(client.get("/tags/django/"))

        assert "One" in page
        assert "Two" not in page

    def test_a_tag_of_drafts_only_is_not_there(self, client, make_post):
        make_post("One", tags=["Secret"], published_at=None)

        assert client.get("/tags/secret/").status_code == 404
        assert "Secret" not in text(client.get("/tags/"))

    def test_all_tags(self, client, make_post):
        make_post("One", tags=["Django"])

        assert re.search(r'<a href="/tags/django/">Django</a>\s*<span>1 post</span>', text(client.get("/tags/")))


class TestSearch:
    def test_finds_what_is_published(self, client, make_post):
        make_post("Ships and slipways")
        make_post("Ships in secret", published_at=None)

        page = text(client.get("/search/", {"q": "ships"}))

        assert "1 post with <q>ships</q>" in page
        assert "Ships in secret" not in page

    def test_nothing_found(self, client, make_post):
        make_post()

        response = client.get("/search/", {"q": "<script>alert(1)</script>"})

        assert response.status_code == 200
        assert "No post has <q>&lt;script&gt;" in text(response)

    @pytest.mark.django_db
    @pytest.mark.parametrize("query", [None, "", " ", "\0", "x" * 10_000, "🚢", "\\'\"%_"])
    def test_any_query_is_answered(self, client, query):
        assert client.get("/search/", {} if query is None else {"q": query}).status_code == 200

    def test_the_query_goes_along_to_the_next_page(self, client, make_post):
        for number in range(POSTS_PER_PAGE + 1):
            make_post(f"Ship {number}")

        assert 'href="?q=ship+%26+7&amp;page=2"' not in text(client.get("/search/", {"q": "ship & 7"}))
        assert 'href="?q=ship&amp;page=2"' in text(client.get("/search/", {"q": "ship"}))


def test_favicon(client):
    response = client.get("/favicon.ico")

    assert response.status_code == 302
    assert re.fullmatch(r"/static/posts/icon\.[0-9a-f]+\.svg", response["Location"])


class TestErrors:
    def test_404_needs_no_database(self, client):
        # No database is allowed in this test.
        response = client.get("/no-such-page")

        assert response.status_code == 404
        assert "There is no page here" in text(response)

    def test_500_needs_no_database_and_logs_the_traceback(self, client, no_database, capfd, caplog):
        client.raise_request_exception = False

        response = client.get("/")

        assert response.status_code == 500
        assert "Something went wrong on our side" in text(response)
        record = next(record for record in caplog.records if record.levelname == "ERROR")
        assert record.exc_info

    @pytest.mark.django_db
    def test_pages_that_readers_cannot_change_refuse_to_be_posted_to(self, client):
        assert client.post("/").status_code == 405


def test_the_database_is_mysql(db):
    assert connection.vendor == "mysql"
    assert not connection.mysql_is_mariadb
