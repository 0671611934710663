"""Two people save the same draft at the same moment: one of them is the second, and is told so."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from loyalty.campaigns.models import CampaignVersion
from loyalty.campaigns.publishing.managing import draft_of, publish
from tests.campaigns.make_campaigns import NOON, journey, says_by
from tests.campaigns.test_documents_refused import Tool, address_of, form_of
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")
LOCKED = 'FROM "campaigns_campaign" INNER JOIN "campaigns_campaignversion"'


class Editors:
    """Sue and Max, who have opened the same draft."""

    def __init__(self) -> None:
        self.draft = draft_of(journey(Tool().club, {"kind": "cart"}, says_by("email")))
        self.address, self.form = address_of(self.draft), form_of(self.draft)
        self.clients = [self._signed_in(name) for name in ("sue", "max")]
        self.seen = [each.get(self.address).context["seen"] for each in self.clients]

    def _signed_in(self, name: str) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser(name))
        return client

    def saves(self, who: int, days: str) -> Any:
        answer = self.clients[who].post(self.address, self.form | {"seen": self.seen[who], "again_after_days": days})
        return answer.status_code, "somebody changed this since you opened it" in answer.content.decode()


def test_of_two_who_save_at_once_the_second_one_is_told() -> None:
    editors = Editors()

    found = interleaved(lambda: editors.saves(0, "7"), lambda: editors.saves(1, "30"), after=LOCKED)

    assert found == [(302, False), (200, True)]
    assert CampaignVersion.objects.get(pk=editors.draft.pk).again_after_days == 7


def test_what_is_saved_while_it_is_published_is_not_in_what_was_published() -> None:
    editors = Editors()

    found = interleaved(
        lambda: publish(CampaignVersion.objects.get(pk=editors.draft.pk), author="max", now=NOON),
        lambda: editors.saves(0, "7"),
        after='FROM "campaigns_campaign" WHERE',
    )

    version = CampaignVersion.objects.get(pk=editors.draft.pk)
    assert (version.is_draft, version.again_after_days) == (False, None)
    assert found[1] == (403, False)
