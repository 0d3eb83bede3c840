"""Asks the production image, from inside of it, for what only the real thing can answer. Takes the release's id."""

import json
import re
import sys
import time
from urllib.request import Request, urlopen


def get(path):
    request = Request(f"http://127.0.0.1:8000{path}", headers={"Host": "blog.example.com"})
    with urlopen(request, timeout=10) as response:
        return response.read().decode(), response.headers


deadline = time.monotonic() + 30
while True:
    try:
        ready, _ = get("/readyz")
        break
    except OSError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.5)

assert json.loads(ready)["release"] == sys.argv[1], ready
page, _ = get("/")
assert "Measure before you wait" in page, page
style = re.search(r'href="(/static/posts/site\.[0-9a-f]{12}\.css)"', page)
text, headers = get(style[1])
assert "--paper" in text
assert "immutable" in headers["Cache-Control"], headers
print("the production image serves its pages and static files")
