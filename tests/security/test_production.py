"""The settings of production: what Django's own check says, and what browsers are told."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests import make
from tests.staff_signin.signing import sign_in, sue

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
# What browsers are told is asked of the site as it runs in production; its static files alone are taken as they are.
ASK = """
import json, sys
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
import django
django.setup()
from django.test import Client
found = {}
for name, path in json.loads(sys.argv[1]).items():
    answer = Client().get(path, secure=True)
    cookies = {cookie.key: {each: cookie[each] for each in ("secure", "httponly", "samesite", "path")}
               for cookie in answer.cookies.values()}
    found[name] = {"status": answer.status_code, "headers": dict(answer.headers), "cookies": cookies}
plain = Client().get("/admin/login/")
found["by http"] = {"status": plain.status_code, "headers": dict(plain.headers), "cookies": {}}
print(json.dumps(found))
"""


def run(*command: str, **other: str) -> subprocess.CompletedProcess[str]:
    default = configured.DATABASES["default"]
    where = "{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**default)
    variables = {
        "DJANGO_SETTINGS_MODULE": "loyalty.settings.prod", "DATABASE_URL": f"postgres://{where}", "LOG_LEVEL": "CRITICAL",
        "SECRET_KEY": "y3Kq" * 4 + "-vN7_pR2" * 6, "ALLOWED_HOSTS": "testserver", "BROKER_URL": "redis://none:6379/0",
    }  # fmt: skip
    environ = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    environ |= variables | other
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )


def test_django_has_nothing_to_say_against_a_deployment() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "INFO")

    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (1 silenced).")


@pytest.fixture(scope="module")
def told(django_db_setup: None) -> dict[str, Any]:
    paths = {"sign-in": "/admin/login/", "api": "/api/v1/me", "docs": "/api/docs", "health": "/health/live"}
    done = run("-c", ASK, json.dumps(paths))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_answer_says_what_it_may_load_and_who_may_frame_it(told: dict[str, Any]) -> None:
    policies = {name: each["headers"].get("Content-Security-Policy", "") for name, each in told.items()}

    assert all("frame-ancestors 'none'" in policy for policy in policies.values())
    assert all(
        "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0] for policy in policies.values()
    )
    assert policies["api"].startswith("default-src 'none'")
    assert "https:" not in policies["sign-in"].partition("script-src")[2].partition(";")[0]


def test_every_answer_by_https_keeps_browsers_there(told: dict[str, Any]) -> None:
    said = {name: each["headers"] for name, each in told.items()}
    by_http = said.pop("by http")
    del said["health"]  # it is asked for by machines, by http too

    for headers in said.values():
        assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert (told["by http"]["status"], by_http["Location"]) == (301, "https://testserver/admin/login/")


def test_cookies_are_this_hosts_alone_and_no_scripts(told: dict[str, Any]) -> None:
    assert told["sign-in"]["cookies"] == {
        "__Host-csrftoken": {"secure": True, "httponly": True, "samesite": "Lax", "path": "/"}
    }
    assert told["api"]["cookies"] == told["health"]["cookies"] == {}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ALLOWED_HOSTS": "loyalty.example.org,127.0.0.1"}, "https://loyalty.example.org"),
        ({"ALLOWED_HOSTS": "a.example.org", "PUBLIC_URL": "https://b.example.org"}, "https://b.example.org"),
        ({"ALLOWED_HOSTS": ".example.org"}, "PUBLIC_URL is not set"),
        ({"ALLOWED_HOSTS": "*"}, "PUBLIC_URL is not set"),
    ],
)
def test_links_in_mails_begin_with_the_sites_own_name(variables: dict[str, str], expected: str) -> None:
    done = run("-c", "from django.conf import settings; print(settings.PUBLIC_URL)", **variables)

    assert expected in (done.stdout or done.stderr)


@pytest.mark.parametrize(
    "path", ["/api/v1/me", "/api/v1/programs", "/admin/login/", "/admin/account/second-factor/totp/activate/"]
)
def test_what_is_somebodys_own_is_kept_by_nobody_on_the_way(client: Client, path: str) -> None:
    ada = make.member(make.program())
    bearer = {"authorization": f"Bearer {make.token(ada.customer)}"} if path == "/api/v1/me" else {}
    user = sue(ada.retailer)
    sign_in(client)

    answer = client.get(path, headers=bearer)
    strangers = Client().get(path)

    assert (user.is_staff, "no-store" in answer.headers["Cache-Control"]) == (True, True)
    assert "no-store" in strangers.headers["Cache-Control"]


def test_a_page_of_its_own_has_the_stricter_policy(client: Client) -> None:
    page = client.get(reverse("page:start", args=[make.retailer().slug]))

    assert page.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self';"
    )


def test_no_template_has_a_script_or_a_handler_of_its_own() -> None:
    templates = [path for folder in ("analytics", "customers", "loyalty") for path in (ROOT / folder).rglob("*.html")]

    found = [
        path.name
        for path in templates
        if any(
            mark in path.read_text(encoding="utf-8") for mark in ("<script>", "onclick=", "onchange=", "javascript:")
        )
    ]

    assert (found, len(templates) > 50) == ([], True)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.0.0.7", "nobodys.example"])
def test_health_is_asked_for_by_address(client: Client, settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["loyalty.example.org"]

    health = [client.get(path, headers={"host": host}).status_code for path in ("/health/live", "/health/ready")]

    assert health == [200, 200]
    assert client.get("/admin/login/", headers={"host": host}).status_code == 400
