import pytest

from posts.rendering import render


@pytest.mark.parametrize(
    ("source", "forbidden"),
    [
        ("<script>alert(1)</script>", "alert"),
        ("<style>body { display: none }</style>", "display"),
        ("[a](javascript:alert(1))", "javascript"),
        ("[a](JaVaScRiPt:alert(1))", "alert"),
        ("[a](data:text/html;base64,PHNjcmlwdD4=)", "data:"),
        ('<a href="&#106;avascript:alert(1)">a</a>', "alert"),
        ("![a](javascript:alert(1))", "javascript"),
        ('<img src="x" onerror="alert(1)">', "onerror"),
        ('<p onclick="alert(1)">a</p>', "onclick"),
        ('<p style="position: fixed">a</p>', "style"),
        ("<iframe src=https://example.com></iframe>", "iframe"),
        ("<form action=https://example.com><input></form>", "form"),
        ("<svg><script>alert(1)</script></svg>", "svg"),
        ('<h2 id="content">a</h2>', "id="),
        ('<div class="skip">a</div>', "class"),
        ("<h1>a</h1>", "h1"),
    ],
)
def test_what_a_post_must_not_hold_is_removed(source, forbidden):
    assert forbidden not in render(source)


def test_text_and_structure_stay():
    html = render(
        "# Head\n\nA *word* and a [link](https://example.com/).\n\n> Quote\n\n```python\nprint(1 < 2)\n```\n\n"
        "| a | b |\n| - | -: |\n| 1 | 2 |\n"
    )

    assert '<h2 id="section-head">Head</h2>' in html
    assert "<em>word</em>" in html
    assert '<a href="https://example.com/" rel="noopener noreferrer">link</a>' in html
    assert "<blockquote>" in html
    assert '<code class="language-python">print(1 &lt; 2)' in html
    assert '<td align="right">2</td>' in html


def test_footnotes_lead_there_and_back():
    html = render("A claim.[^1]\n\n[^1]: The proof.")

    assert 'id="fnref:1"' in html
    assert 'href="#fn:1"' in html
    assert 'id="fn:1"' in html
    assert 'href="#fnref:1"' in html


def test_relative_links_and_pictures_stay():
    html = render("[feed](/feed/) ![A ship](https://example.com/ship.jpg)")

    assert 'href="/feed/"' in html
    assert 'src="https://example.com/ship.jpg"' in html
    assert 'alt="A ship"' in html
