"""What a decision about messages needs to know, read after their recipients are locked: a fixed number of statements."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core import bulk
from customers.core.calendar import zone_of
from customers.core.consents import NEWEST_FIRST
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.models import FrequencyCap, MessageChannel, SendingHours
from loyalty.campaigns.models.channel import MAX_CAP_DAYS
from loyalty.campaigns.models.message import COUNTED
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.addresses import Known, hash_of, known
from loyalty.campaigns.rules.caps import Cap, Sent
from loyalty.campaigns.rules.consent import Consents
from loyalty.campaigns.rules.planning import Due, Recipient
from loyalty.campaigns.rules.triggers import SINCE_LAST_ORDER, TRIGGERS
from loyalty.campaigns.rules.wall_clock import Quiet
from loyalty.campaigns.transports import Device

# Something of it stayed: an order that came back as a whole was none.
KEPT = """EXISTS (
    SELECT 1 FROM customers_orderline l WHERE l.order_id = {order}.id AND l.quantity > coalesce((
        SELECT sum(r.quantity) FROM customers_returnline r WHERE r.line_id = l.id), 0))"""
# As `is_of_last_order` has it, of an entry e.
IS_OF_LAST_ORDER = f"e.occurrence ^@ ANY (ARRAY[{', '.join(repr(each) for each in SINCE_LAST_ORDER)}])"
# Whether an order o of a customer is one since its entry e began, of which something stayed. By days it is found by an index:
# none is farther than one from that of UTC.
IS_ORDER_SINCE = f"""o.local_date >= CASE
        WHEN {IS_OF_LAST_ORDER} THEN e.about_date + 1 ELSE (e.entered_at AT TIME ZONE 'UTC')::date - 1 END
    AND ({IS_OF_LAST_ORDER} OR o.occurred_at >= e.entered_at) AND {KEPT.format(order="o")}"""
# Whether a contact i with support, since an entry e, is one that ends it by its version v: of a topic and an outcome that its
# exit names, or of any where it names none.
IS_ENDING_CONTACT = """i.kind = 'support' AND i.occurred_at >= e.entered_at AND EXISTS (
        SELECT 1 FROM jsonb_array_elements(v.exits) x WHERE x->>'fact' = 'contact'
            AND (coalesce(jsonb_array_length(x->'topics'), 0) = 0 OR EXISTS (
                SELECT 1 FROM jsonb_array_elements_text(x->'topics') t WHERE lower(btrim(t.value)) = lower(btrim(i.topic))))
            AND (coalesce(jsonb_array_length(x->'outcomes'), 0) = 0 OR x->'outcomes' @> to_jsonb(i.outcome)))"""
# Whether the texts of a message's step name an offer that its entry was given, or ask whether there is one.
NAMES_OFFER = r"""EXISTS (
        SELECT 1 FROM campaigns_steptext t WHERE t.step_id = m.step_id
            AND concat_ws(' ', t.subject, t.body, t.button, t.link) ~ '\{[{%%][^}%%]*\moffer')"""
# What is open of locked recipients, due or not: what is not due yet says when they are next to be looked at. Whether somebody is
# a member is looked up for each by itself: as EXISTS it might be answered by a hash of all members.
OPEN = f"""
SELECT m.id, m.customer_id, m.kind, m.channels, m.due_at, m.expires_at, m.priority, m.tags, m.on_cap, m.ground, m.is_urgent,
    m.needs_profiling, m.state, m.channel, m.tries, m.claimed_at, m.claimed_until, m.is_resent, m.entry_id, m.campaign_id,
    s.position, c.state, e.occurrence,
    m.planned_at, coalesce(v.trigger->>'kind', ''),
    CASE WHEN e.ended_at IS NOT NULL AND e.reason <> 'completed' THEN e.reason
        WHEN c.id IS NOT NULL AND coalesce((SELECT p.left_at IS NOT NULL FROM memberships_membership p
            WHERE p.customer_id = m.customer_id AND p.program_id = c.program_id), true) THEN 'left'
        WHEN v.exits @> '[{{"fact": "order"}}]' AND EXISTS (
            SELECT 1 FROM customers_order o WHERE o.customer_id = m.customer_id AND o.occurred_at <= %s AND {IS_ORDER_SINCE})
        THEN 'ordered'
        WHEN v.exits @> '[{{"fact": "contact"}}]' AND EXISTS (
            SELECT 1 FROM customers_interaction i WHERE i.customer_id = m.customer_id AND i.occurred_at <= %s
                AND {IS_ENDING_CONTACT})
        THEN 'contacted'
        WHEN m."values" ? 'invitation' AND EXISTS (
            SELECT 1 FROM campaigns_invitation q JOIN campaigns_survey u ON u.id = q.survey_id
            WHERE q.id = (m."values" ->> 'invitation')::uuid AND (NOT u.is_open OR q.expires_at <= %s))
        THEN 'survey_closed' ELSE '' END,
    CASE WHEN m."values" ? 'offer' THEN {NAMES_OFFER} ELSE false END, m.route
FROM campaigns_message m
LEFT JOIN campaigns_campaign c ON c.id = m.campaign_id
LEFT JOIN campaigns_step s ON s.id = m.step_id
LEFT JOIN campaigns_entry e ON e.id = m.entry_id
LEFT JOIN campaigns_campaignversion v ON v.id = e.version_id
WHERE m.customer_id = ANY(%b::uuid[]) AND m.state IN ('due', 'claimed')
ORDER BY m.id FOR NO KEY UPDATE OF m
"""
RECIPIENTS = f"""
SELECT c.id, c.email, c.phone, c.merged_into_id IS NOT NULL AND c.erased_at IS NULL, c.erased_at IS NOT NULL, r.zone,
    r.preferred_channel, r.quiet_from, r.quiet_to, r.paused_until,
    c.id = ANY(%b::uuid[]) AND EXISTS (
        SELECT 1 FROM customers_order o WHERE o.customer_id = c.id AND {KEPT.format(order="o")})
FROM customers_customer c LEFT JOIN campaigns_recipient r ON r.customer_id = c.id WHERE c.id = ANY(%b::uuid[])
"""
# Those of who was merged into somebody are that one's.
DEVICES = """
SELECT coalesce(c.merged_into_id, c.id), d.id, d.address, d.p256dh, d.auth
FROM campaigns_pushdevice d JOIN customers_customer c ON c.id = d.customer_id
WHERE d.kind = %s AND d.customer_id IN (
    SELECT id FROM customers_customer WHERE id = ANY(%s) OR merged_into_id = ANY(%s))
ORDER BY d.created_at, d.id
"""
CONSENTS = f"""
SELECT DISTINCT ON (customer_id, purpose) customer_id, purpose, granted FROM customers_consent
WHERE customer_id = ANY(%b::uuid[]) AND occurred_at <= %s ORDER BY customer_id, purpose, {NEWEST_FIRST}
"""
# With what went to who was merged into them. What went had not expired, by which it is found.
HISTORY = """
SELECT w.person, m.channel, m.kind, m.tags, m.claimed_at FROM (
    SELECT unnest(%b::uuid[]) AS person, unnest(%b::uuid[]) AS customer_id
    UNION ALL SELECT merged_into_id, id FROM customers_customer WHERE merged_into_id = ANY(%b::uuid[])
) w JOIN campaigns_message m ON m.customer_id = w.customer_id
WHERE m.expires_at > %s AND m.claimed_at > %s AND m.state = ANY(%s) AND m.kind <> 'service'
"""
BELIEVED = timedelta(minutes=5)  # what a step saw, without looking again
MARGIN = timedelta(days=2)  # more than any zone is away from another


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """
    A message that has not ended, as it was read under its recipient's lock.

    :param planned_at: when its step said it
    :param kind: of what began its entry; empty of one of no entry
    :param ended: why its entry is over, its campaign for this member, or what it asks; empty where none is
    :param campaign_state: draft, live, paused or ended; empty for one of no campaign
    :param names_offer: whether it says something of an offer that its entry was given
    :param route: by which way it went last; empty of one that did not, or before ways were told apart
    """

    due: Due
    customer_id: UUID
    state: str
    channel: str
    tries: int
    claimed_at: datetime | None
    claimed_until: datetime | None
    is_resent: bool
    entry_id: UUID | None
    campaign_id: UUID | None
    position: int | None
    campaign_state: str
    occurrence: str
    planned_at: datetime
    kind: str
    ended: str
    names_offer: bool
    route: str

    @property
    def next_at(self) -> datetime:
        """When it is next to be looked at."""
        return self.claimed_until or self.due.due_at

    def is_doubtful(self, now: datetime) -> bool:
        """Tell whether it goes so long after its step that what this saw may not be true any more."""
        may_fade = self.kind in TRIGGERS and TRIGGERS[self.kind].fades
        return may_fade and self.next_at <= now and now - self.planned_at > BELIEVED and not self.ended


@dataclass(frozen=True, slots=True)
class Settings:
    """How a retailer sends: its channels, its caps, its quiet hours."""

    zone: ZoneInfo
    channels: Mapping[str, MessageChannel]
    caps: Sequence[Cap]
    quiet: Quiet

    def route(self, channel: str) -> str:
        """Return by which way messages go by a channel; the inbox is in the same database."""
        return self.channels[channel].route if channel in self.channels else ""

    def knows(self, message: "OpenMessage") -> bool:
        """Tell whether who was given a message recognises it: another provider than then takes it as a new one."""
        own = self.channels.get(message.channel)
        if own is None:
            return message.channel == Channel.INBOX
        return own.takes_keys and message.route in {"", own.route}


@dataclass(frozen=True, slots=True)
class Person:
    """
    A recipient with its addresses.

    :param is_merged: whether it was merged into another one, to whom goes what is due
    :param is_gone: whether it was erased
    :param addresses: by channel, those that take messages
    :param hashes: by channel, what those are known by here; none of the inbox, nor of devices
    :param devices: that show its push messages, as its retailer sends them
    """

    recipient: Recipient
    addresses: Mapping[str, str]
    hashes: Mapping[str, str]
    consents: Consents
    history: Sequence[Sent]
    is_merged: bool
    is_gone: bool
    devices: tuple[Device, ...] = ()


def load_settings(retailer: Retailer) -> Settings:
    """Return how a retailer sends."""
    hours = SendingHours.objects.filter(retailer=retailer).first()
    channels = MessageChannel.objects.filter(retailer=retailer, is_active=True)
    caps = [
        Cap(each.limit, each.days, each.channel, each.kind, each.tag)
        for each in FrequencyCap.objects.filter(retailer=retailer)
    ]
    quiet = Quiet(hours.quiet_from, hours.quiet_to) if hours else Quiet(time(21), time(8))
    return Settings(retailer.tzinfo, {each.channel: each for each in channels}, caps, quiet)


def load_open(customers: Sequence[UUID], now: datetime) -> list[OpenMessage]:
    """Return the open messages of locked recipients, and lock them."""
    return [_message(row) for row in bulk.fetch(OPEN, [now, now, now, list(customers)])]


def _message(row: tuple[Any, ...]) -> OpenMessage:
    (
        key, customer, kind, channels, due_at, expires_at, priority, tags, on_cap, ground, urgent, profiling, state, channel,
        tries, claimed_at, claimed_until, resent, entry, campaign, position, campaign_state, occurrence, planned_at, trigger,
        ended, names_offer, route,
    ) = row  # fmt: skip
    due = Due(
        key, kind, tuple(channels), due_at, expires_at, priority, frozenset(tags), on_cap, ground, urgent, profiling
    )
    return OpenMessage(
        due, customer, state, channel, tries, claimed_at, claimed_until, resent, entry, campaign, position,
        campaign_state or "", occurrence or "", planned_at, trigger, ended, names_offer, route,
    )  # fmt: skip


def load_persons(
    retailer: Retailer, settings: Settings, customers: Sequence[UUID], now: datetime, *, grounded: Sequence[UUID] = ()
) -> dict[UUID, Person]:
    """
    Return recipients with what they agreed to and what they got.

    :param grounded: of whom it matters whether they have bought
    """
    ids = list(customers)
    rows = bulk.fetch(RECIPIENTS, [list(grounded), ids])
    consents = consents_of(ids, now)
    history = _history(settings, ids, now)
    devices = _devices(settings, ids)
    reached = _addresses(retailer, settings, rows, devices)
    quiet = {channel: (_quiet_of(each),) for channel, each in settings.channels.items()}
    return {
        row[0]: Person(
            _recipient(settings, row, reached[row[0]].values, quiet),
            reached[row[0]].values,
            reached[row[0]].hashes,
            consents.get(row[0], {}),
            history.get(row[0], []),
            row[3],
            row[4],
            devices.get(row[0], ()),
        )
        for row in rows
    }


def consents_of(customers: Sequence[UUID], now: datetime) -> dict[UUID, dict[str, bool]]:
    """Return what customers agreed to, by purpose."""
    found: dict[UUID, dict[str, bool]] = {}
    for customer, purpose, granted in bulk.fetch(CONSENTS, [list(customers), now]):
        found.setdefault(customer, {})[purpose] = granted
    return found


def _devices(settings: Settings, ids: list[UUID]) -> dict[UUID, tuple[Device, ...]]:
    """Return the devices of recipients, of the kind to which a retailer sends; nothing is read where it sends to none."""
    found: dict[UUID, tuple[Device, ...]] = {}
    if push := settings.channels.get(Channel.PUSH):
        for customer, *about in bulk.fetch(DEVICES, [push.device_kind, ids, ids]):
            found[customer] = (*found.get(customer, ()), Device(*about))
    return found


def _history(settings: Settings, ids: list[UUID], now: datetime) -> dict[UUID, list[Sent]]:
    """Return what recipients got within the longest window; nothing is read where nothing is capped."""
    found: dict[UUID, list[Sent]] = {}
    if settings.caps:
        days = max(cap.days for cap in settings.caps)
        assert days <= MAX_CAP_DAYS, "a constraint says so"
        since = now - timedelta(days=days) - MARGIN
        for customer, channel, kind, tags, at in bulk.fetch(
            HISTORY, [ids, ids, ids, since, since, [each.value for each in COUNTED]]
        ):
            found.setdefault(customer, []).append(Sent(channel, kind, frozenset(tags), at))
    return found


@dataclass(frozen=True, slots=True)
class _Reached:
    """By which addresses somebody is reached, and what those are known by here."""

    values: Mapping[str, str]
    hashes: Mapping[str, str]


NOTHING_KNOWN = Known()


def _addresses(
    retailer: Retailer, settings: Settings, rows: Sequence[tuple[Any, ...]], with_devices: Container[UUID]
) -> dict[UUID, _Reached]:
    """
    Return by which address each recipient is reached through each channel that is in use.

    A device has no hash: whoever signed in registered it, and it is deleted when it takes nothing any more.
    """
    written: dict[UUID, dict[str, tuple[str, str]]] = {}
    for key, email, phone, *_rest in rows:
        own = {Channel.EMAIL.value: email, Channel.SMS.value: phone, Channel.WEBHOOK.value: str(key)}
        written[key] = {channel: (own[channel], hash_of(channel, own[channel], retailer.country))
                        for channel in settings.channels if own.get(channel)}  # fmt: skip
    facts = known(retailer.pk, ((channel, value) for own in written.values() for channel, (_, value) in own.items()))

    def takes(channel: str, value: str) -> bool:
        fact = facts.get((channel, value), NOTHING_KNOWN)
        return not fact.is_suppressed and (fact.is_verified or not settings.channels[channel].needs_verified)

    found = {}
    for key, own in written.items():
        taking = {channel: pair for channel, pair in own.items() if takes(channel, pair[1])}
        values = {channel: address for channel, (address, _) in taking.items()} | {"inbox": str(key)}
        if key in with_devices:
            values[Channel.PUSH.value] = str(key)
        found[key] = _Reached(values, {channel: value for channel, (_, value) in taking.items()})
    return found


def _recipient(
    settings: Settings, row: tuple[Any, ...], addresses: Mapping[str, str], quiet: Mapping[str, tuple[Quiet, ...]]
) -> Recipient:
    _key, _email, _phone, _merged, _gone, zone, preferred, quiet_from, quiet_to, paused_until, has_bought = row
    own = () if quiet_from is None else (Quiet(quiet_from, quiet_to),)
    return Recipient(
        zone_of(zone, settings.zone),
        frozenset(addresses),
        preferred or "",
        (settings.quiet, *own),
        quiet,
        paused_until,
        has_bought,
    )


def _quiet_of(channel: MessageChannel) -> Quiet:
    """Return the quiet hours that a channel has besides those of the retailer."""
    days = frozenset(channel.days_off)
    if channel.quiet_from is None or channel.quiet_to is None:
        return Quiet(days_off=days, country=channel.holidays_of)
    return Quiet(channel.quiet_from, channel.quiet_to, days, channel.holidays_of)
