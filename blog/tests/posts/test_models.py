import pytest

from posts.models import Post, Tag, unique_slug


@pytest.fixture
def published(make_post):
    return make_post("A published post")


def test_each_post_is_in_one_state(published, scheduled, draft):
    assert list(Post.objects.published()) == [published]
    assert list(Post.objects.scheduled()) == [scheduled]
    assert list(Post.objects.drafts()) == [draft]
    assert [post.state for post in (published, scheduled, draft)] == ["published", "scheduled", "draft"]


def test_the_newest_comes_first(make_post):
    old, new = make_post("Old", hours_ago=2), make_post("New", hours_ago=1)

    assert list(Post.objects.published()) == [new, old]


def test_publish_changes_no_date_of_what_is_published(published, scheduled, draft):
    before = published.published_at

    assert Post.objects.publish() == 2
    assert Post.objects.published().count() == 3
    published.refresh_from_db()
    assert published.published_at == before


def test_withdraw(published, scheduled, draft):
    assert Post.objects.withdraw() == 2
    assert Post.objects.drafts().count() == 3


class TestMatching:
    @pytest.fixture(autouse=True)
    def posts(self, make_post):
        make_post("Timeouts come in pairs", body="A load balancer gives up.", tags=["Networking", "Debugging"])
        make_post("Read the exit code", body="About timeouts and 100% of_them.", summary="One number: 137")

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ("timeouts", ["Timeouts come in pairs", "Read the exit code"]),
            ("TIMEOUTS", ["Timeouts come in pairs", "Read the exit code"]),
            ("timeout balancer", ["Timeouts come in pairs"]),
            ("137", ["Read the exit code"]),
            ("netw debugging", ["Timeouts come in pairs"]),
            ("in", ["Timeouts come in pairs", "Read the exit code"][:1]),
            ("100%", ["Read the exit code"]),
            ("%", ["Read the exit code"]),
            ("_", ["Read the exit code"]),
            ("nothing of the kind", []),
            ("", []),
            ("   ", []),
            ("'; DROP TABLE posts_post; --", []),
            ("\\", []),
        ],
    )
    def test_every_word_has_to_occur_and_titles_come_first(self, query, titles):
        assert [post.title for post in Post.objects.matching(query)] == titles

    def test_a_post_with_several_tags_that_match_is_found_once(self):
        assert Post.objects.matching("ing").count() == 1


def test_tags_in_use_count_what_readers_see(make_post):
    make_post("One", tags=["Django", "MySQL"])
    make_post("Two", tags=["Django"])
    make_post("Three", tags=["Django", "Secret"], published_at=None)

    assert {tag.name: tag.post_count for tag in Tag.objects.in_use()} == {"Django": 2, "MySQL": 1}


@pytest.mark.django_db
def test_tags_are_made_once():
    assert Tag.objects.named("Django", "C++") == Tag.objects.named("Django", "C++")
    assert set(Tag.objects.values_list("slug", flat=True)) == {"django", "c"}


def test_unique_slug(make_post):
    make_post(slug="hello")
    make_post(slug="hello-2")

    assert unique_slug(Post, "Hello!") == "hello-3"
    assert unique_slug(Post, "日本語") == "post"
    assert len(unique_slug(Post, "long " * 100)) <= 200


def test_description_is_the_summary_or_else_the_beginning_of_the_text(make_post):
    assert make_post("With", summary="In short.").description == "In short."
    description = make_post("Without", body="*Q* & A\n\n" + "word " * 100).description
    assert description.startswith("Q & A")
    assert description.endswith("…")
    assert len(description) < 250


def test_text_of_every_kind_survives(make_post):
    post = make_post("Ünïcödé 🚢", slug="unicode", body="日本語 🚢")

    post.refresh_from_db()

    assert (post.title, post.body) == ("Ünïcödé 🚢", "日本語 🚢")
