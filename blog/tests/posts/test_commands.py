import io

import pytest
from django.core.management import CommandError, call_command

from posts.models import Post

pytestmark = pytest.mark.django_db


class TestCreatePost:
    def test_prints_the_path_of_a_post_that_readers_see(self, client, capsys):
        call_command("create_post", title="Hello, world", body="Some *text*.", tags=["One", "Two"])

        path = capsys.readouterr().out
        assert path == "/posts/hello-world/\n"
        page = client.get(path.strip()).content.decode()
        assert "<em>text</em>" in page
        assert "/tags/two/" in page

    def test_the_same_title_again_makes_another_post(self, capsys):
        for _ in range(2):
            call_command("create_post", "--title", "Hello")

        assert capsys.readouterr().out.split() == ["/posts/hello/", "/posts/hello-2/"]

    def test_reads_the_text_from_standard_input(self, monkeypatch):
        monkeypatch.setattr("sys.stdin", io.StringIO("From a file."))

        call_command("create_post", "--title", "Hello", "--body", "-")

        assert Post.objects.get().body == "From a file."

    def test_draft(self):
        call_command("create_post", "--title", "Hello", "--draft")

        assert Post.objects.get().state == "draft"

    @pytest.mark.parametrize(("title", "problem"), [("", "title: This field cannot"), ("x" * 201, "title: Ensure")])
    def test_a_title_that_is_none(self, title, problem):
        with pytest.raises(CommandError, match=problem):
            call_command("create_post", "--title", title)
        assert not Post.objects.exists()


class TestSamplePosts:
    def test_fills_every_state(self, client):
        call_command("sample_posts")

        assert Post.objects.drafts().count() == 1
        assert Post.objects.scheduled().count() == 1
        for post in Post.objects.published():
            page = client.get(post.get_absolute_url()).content.decode()
            assert post.title in page
            assert post.summary
            assert post.tags.exists()

    def test_again_changes_nothing(self, capsys):
        call_command("sample_posts")
        Post.objects.filter(slug="what-to-log").update(title="Mine now")
        before = list(Post.objects.order_by("pk").values())
        capsys.readouterr()

        call_command("sample_posts")

        assert list(Post.objects.order_by("pk").values()) == before
        assert capsys.readouterr().out == "0 sample posts created\n"
