"""Contacts with support by what they were about and how they ended, in one statement: where friction comes from."""

from dataclasses import dataclass
from datetime import datetime

from customers.core import bulk
from customers.core.contacts import CONTACT
from customers.models import Retailer

MAX_TOPICS = 20
CONTACTS = f"""
WITH contacts AS (
    SELECT customer_id, lower(btrim(topic)) AS topic, outcome FROM customers_interaction
    WHERE retailer_id = %(retailer)s AND occurred_at >= %(first)s AND occurred_at < %(last)s AND kind = '{CONTACT}'
), named AS (
    SELECT topic FROM contacts WHERE topic <> '' GROUP BY topic ORDER BY count(*) DESC, topic LIMIT {MAX_TOPICS}
), told AS (
    SELECT c.*, CASE WHEN c.topic = '' THEN '' ELSE n.topic END AS about FROM contacts c LEFT JOIN named n ON n.topic = c.topic
)
SELECT about, count(DISTINCT topic), count(*), count(DISTINCT customer_id), count(*) FILTER (WHERE outcome = 'solved'),
    count(*) FILTER (WHERE outcome = 'unsolved'), count(*) FILTER (WHERE outcome = 'open')
FROM told GROUP BY about ORDER BY about IS NULL, about = '', count(*) DESC, about
"""


@dataclass(frozen=True, slots=True)
class TopicCount:
    """
    Contacts of one topic.

    :param topic: in small letters; empty for those without one, None for all topics but the most frequent ones together
    :param topics: how many topics these are
    :param solved: of the contacts; `unsolved` and `still_open` as well, and of the others nobody says how they ended
    """

    topic: str | None
    topics: int
    contacts: int
    customers: int
    solved: int
    unsolved: int
    still_open: int

    @property
    def unknown(self) -> int:
        return self.contacts - self.solved - self.unsolved - self.still_open

    @property
    def ended(self) -> int:
        """Return the contacts of which somebody says that they ended, solved or not."""
        return self.solved + self.unsolved


def count_contacts(retailer: Retailer, *, since: datetime, until: datetime) -> list[TopicCount]:
    """Return the contacts in [since, until) by topic, the most frequent first; those without a topic, and all others, last."""
    rows = bulk.fetch_planned(CONTACTS, {"retailer": retailer.pk, "first": since, "last": until})
    return [TopicCount(*row) for row in rows]
