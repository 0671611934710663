"""Two documents that were made from one state of a campaign, applied at once: the second one is refused."""

from functools import partial

import pytest

from loyalty.campaigns.models import CampaignVersion
from loyalty.campaigns.publishing.documents import apply_document
from loyalty.campaigns.publishing.outdated import ChangedSince
from tests.campaigns.make_campaigns import NOON
from tests.campaigns.test_revisions import begun, edited, present
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")


def test_of_two_documents_at_once_the_second_one_is_refused() -> None:
    program, document = begun()
    both = [partial(apply_document, program.retailer, edited(document, hours), now=NOON) for hours in (6, 8)]

    first, second = interleaved(*both, after="FOR NO KEY UPDATE")

    assert isinstance(first, CampaignVersion)
    assert isinstance(second, ChangedSince)
    assert present()["steps"][0] == {"wait": "PT6H"}
