import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [[], ["serve"], ["web", "--reload"], ["release", "now"]])
def test_anything_else_is_a_usage_error(arguments):
    done = subprocess.run([sys.executable, "entrypoint", *arguments], capture_output=True, text=True)

    assert done.returncode == 64
    assert done.stderr.startswith("blog: unknown command")
    assert "release     migrate" in done.stderr
