"""Numbers in attributes of HTML, which programs read: without the marks by which people read thousands."""

import re
from pathlib import Path

from django.conf import settings

APPS = ("loyalty", "customers", "analytics")
# A length, a bound or a step; and a value, or a parameter of an address, that is named as a number or as a key.
LIMITS = re.compile(r'\b(?:maxlength|minlength|min|max|step)="\{\{ [^}|]+ \}\}')
KEYS = re.compile(r"""(?:value="|[?&;}][a-z]+=)\{\{ [^}|]*(?:\.pk|_id|\.points|\.number|page_number|percent) \}\}""")


def plain_numbers(source: str) -> list[str]:
    return [*LIMITS.findall(source), *KEYS.findall(source)]


def test_what_it_looks_for_is_found() -> None:
    assert plain_numbers('<textarea maxlength="{{ limit }}">') == ['maxlength="{{ limit }}']
    assert plain_numbers('<option value="{{ each.pk }}">') == ['value="{{ each.pk }}']
    assert plain_numbers('<a href="?{% if a %}x=1&amp;{% endif %}page={{ page.next_page_number }}">') != []
    assert plain_numbers('<input min="{{ least|unlocalize }}" value="{{ each.code }}">') == []


def test_no_template_writes_a_number_into_an_attribute_as_people_read_it() -> None:
    """2,000 characters are two to a browser: its answers would end after them."""
    templates = [path for app in APPS for path in Path(settings.BASE_DIR, app).rglob("templates/**/*.html")]

    found = {path.name: said for path in templates if (said := plain_numbers(path.read_text()))}

    assert found == {}
