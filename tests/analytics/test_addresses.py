"""Pages of analytics at addresses that name nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from analytics.uplift_runs.models import UpliftRun

pytestmark = pytest.mark.django_db
KINDS = ("auditrun", "experimentlook", "segmentrun", "upliftrun")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["abc", "1.5", "99999999999999999999", "0"])
def test_an_address_that_names_no_row_is_not_found(admin_client: Client, kind: str, name: str) -> None:
    assert admin_client.get(reverse(f"admin:analytics_{kind}_change", args=[name])).status_code == 404


@pytest.mark.parametrize("program", ["abc", "1.5", "", "-1", "99999999999999999999", "\x00"])
def test_no_uplift_is_asked_for_of_a_program_that_is_none(admin_client: Client, program: str) -> None:
    asked = {"program": program, "window_months": "6", "metric": "revenue"}

    assert admin_client.post(reverse("admin:analytics_upliftrun_ask"), asked).status_code == 302
    assert not UpliftRun.objects.exists()
