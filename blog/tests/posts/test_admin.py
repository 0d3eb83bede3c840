import pytest
from django.urls import reverse

from posts.models import Post


@pytest.fixture
def editor(client, administrator):
    client.force_login(administrator)
    return client


@pytest.mark.parametrize(
    ("state", "titles"),
    [
        ("", {"A published post", "A scheduled post", "A draft"}),
        ("published", {"A published post"}),
        ("scheduled", {"A scheduled post"}),
        ("draft", {"A draft"}),
    ],
)
def test_list_is_filtered_by_state(editor, make_post, scheduled, draft, state, titles):
    make_post("A published post")

    response = editor.get(reverse("admin:posts_post_changelist"), {"state": state} if state else {})

    assert {post.title for post in response.context["cl"].result_list} == titles


def test_list_is_searched(editor, make_post, draft):
    make_post("Ships", tags=["Harbour"])

    response = editor.get(reverse("admin:posts_post_changelist"), {"q": "harbour"})

    assert [post.title for post in response.context["cl"].result_list] == ["Ships"]


def test_list_leads_to_a_preview(editor, draft):
    page = editor.get(reverse("admin:posts_post_changelist")).content.decode()

    assert f'<a href="{draft.get_absolute_url()}">Preview</a>' in page


@pytest.mark.parametrize(("action", "state"), [("publish", "published"), ("withdraw", "draft")])
def test_actions(editor, draft, scheduled, action, state):
    posts = [draft.pk, scheduled.pk]

    response = editor.post(
        reverse("admin:posts_post_changelist"), {"action": action, "_selected_action": posts}, follow=True
    )

    assert {post.state for post in Post.objects.all()} == {state}
    assert ("2 posts published." if action == "publish" else "1 post withdrawn.") in response.content.decode()


def test_a_post_is_written(editor):
    response = editor.post(
        reverse("admin:posts_post_add"),
        {"title": "Hello", "slug": "hello", "summary": "", "body": "*Hi*", "published_at_0": "", "published_at_1": ""},
    )

    assert response.status_code == 302
    assert Post.objects.get().state == "draft"


def test_form_leads_to_the_page_and_fills_in_the_slug(editor, draft):
    page = editor.get(reverse("admin:posts_post_change", args=[draft.pk])).content.decode()

    assert f'href="{draft.get_absolute_url()}" class="viewsitelink"' in page
    assert "admin/js/prepopulate_init" in page


def test_tags(editor, make_post):
    make_post(tags=["Harbour"])

    assert "Harbour" in editor.get(reverse("admin:posts_tag_changelist")).content.decode()


def test_names_the_environment(client, db):
    assert "Slipway · test" in client.get("/admin/login/").content.decode()
