"""The blog as a person uses it, in headless Chromium."""

import os
import shutil

import pytest

REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
CHROMIUM = shutil.which("chromium")

if not CHROMIUM and not REQUIRED:
    pytest.skip("BROWSER TEST NOT RUN: there is no chromium on the PATH", allow_module_level=True)

from playwright.sync_api import expect, sync_playwright  # noqa: E402

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def plain_static_files(settings):
    """The live server finds static files by their own names, not by those of production."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def test_read_search_and_publish(plain_static_files, live_server, make_post, draft, administrator):
    make_post("Timeouts come in pairs", body="Whoever sends requests has to *give up first*.")
    make_post("Read the exit code")

    # Playwright's loop runs in this thread, and Django refuses the database to a thread with one: so the posts are made
    # before, and from here on everything happens in the browser.
    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        page.goto(live_server.url)
        page.get_by_role("link", name="Timeouts come in pairs").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Timeouts come in pairs")
        expect(page.get_by_text("give up first")).to_be_visible()
        # Keyboard users get past the header with the first key they press.
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to content")).to_be_focused()

        page.get_by_role("searchbox").fill("exit")
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text("1 post with")
        expect(page.get_by_role("link", name="Read the exit code")).to_be_visible()

        page.goto(f"{live_server.url}/admin/posts/post/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill("the first password")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("row", name="A draft").get_by_role("checkbox").check()
        page.get_by_role("combobox", name="Action").select_option("publish")
        page.get_by_role("button", name="Go", exact=True).click()
        expect(page.get_by_text("1 post published.")).to_be_visible()

        # Not the editor, for whom drafts are visible too, but a reader.
        reader = browser.new_context().new_page()
        reader.goto(live_server.url)
        reader.get_by_role("link", name="A draft").click()
        expect(reader.get_by_text("The text of A draft.")).to_be_visible()
        browser.close()

    # The Content-Security-Policy reports what it blocks there, in the admin as well.
    assert complaints == []
