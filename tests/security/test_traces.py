"""A failure's trace in development is Python's own: some lines, and no values of variables."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAIL = """
import django
django.setup()
import structlog
def deeper(secret, turn):
    return 1 / 0 if not turn else deeper(secret, turn - 1)
try:
    deeper("not-to-be-told", 5)
except ZeroDivisionError:
    structlog.get_logger().exception("request_failed")
"""


def test_it_is_short_and_says_no_values() -> None:
    variables = {"DJANGO_SETTINGS_MODULE": "loyalty.settings.dev", "DATABASE_URL": "postgres://u:p@localhost/x"}

    done = subprocess.run(
        [sys.executable, "-c", FAIL], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=True
    )

    assert "request_failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert len(done.stderr.splitlines()) < 40
    assert "secret = " not in done.stderr
