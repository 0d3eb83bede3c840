"""From Markdown to HTML that is safe to show."""

import re
from functools import lru_cache

import markdown
import nh3
from django.utils.safestring import mark_safe
from django.utils.text import slugify

TAGS = {
    *("p", "br", "hr", "blockquote", "pre", "code", "h2", "h3", "h4", "h5", "h6"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
    *("a", "img", "strong", "em", "del", "ins", "sup", "sub", "abbr", "kbd", "figure", "figcaption", "div"),
}
ATTRIBUTES = {
    "a": {"href", "title", "class", "id"},
    "abbr": {"title"},
    "code": {"class"},
    "div": {"class"},
    "img": {"src", "alt", "title"},
    "li": {"id"},
    "ol": {"start"},
    "sup": {"id"},
    "td": {"align"},
    "th": {"align", "scope"},
    **{f"h{level}": {"id"} for level in range(2, 7)},
}
SCHEMES = {"http", "https", "mailto"}

# A post can't take an id or a class that the page around it uses.
IDS = re.compile(r"(section-[\w-]+|fn(ref\d*)?:[\w-]+)")
CLASSES = re.compile(r"(language-[\w+#-]+|footnote(-ref|-backref)?)")


def section_id(title, separator):
    return f"section-{slugify(title) or 'untitled'}"


# Rendering depends on nothing but the text, so this cache never has to be emptied; a better sanitiser comes with a new
# process. That is also why HTML isn't stored with the post.
@lru_cache(maxsize=256)
def render(source):
    html = markdown.markdown(
        source,
        extensions=["abbr", "def_list", "fenced_code", "footnotes", "sane_lists", "smarty", "tables", "toc"],
        extension_configs={
            # The page's h1 is the title of the post.
            "toc": {"baselevel": 2, "slugify": section_id},
            # The style attribute, the other way to align, doesn't pass the sanitiser.
            "tables": {"use_align_attribute": True},
        },
        output_format="html",
    )
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=keep_attribute,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308 - it was just made so


def keep_attribute(tag, name, value):
    if name == "id":
        return value if IDS.fullmatch(value) else None
    if name == "class":
        return value if CLASSES.fullmatch(value) else None
    return value
