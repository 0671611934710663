"""A member takes part in a challenge that one joins, or on a leaderboard under a name of its own choice."""

import unicodedata
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import AccountSession
from loyalty.activity.inviting import offered_to
from loyalty.badges.loading import segments_of
from loyalty.badges.models import Participation
from loyalty.badges.rules import BoardRule, ChallengeRule, Game
from loyalty.badges.state import BADGES, GAME, Joined
from loyalty.badges.steps import join, leave_board
from loyalty.engine.decision import Decision
from loyalty.memberships.models import Membership

MIN_NAME, MAX_NAME = 2, 30
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800")  # letters, marks and signs that show nothing
MANY_MARKS = "MMMM"  # no language needs so many on one letter
LOCK = 7_003  # the first key of the advisory lock on a leaderboard's names


class NoSuchChallenge(DomainError):
    code = "no_such_challenge"
    kind = Kind.NOT_FOUND
    message = _("The program has no challenge “{challenge}”. It has: {known}.")


class NoSuchBoard(DomainError):
    code = "no_such_board"
    kind = Kind.NOT_FOUND
    message = _("The program has no leaderboard “{board}”. It has: {known}.")


class NothingToJoin(DomainError):
    code = "nothing_to_join"
    kind = Kind.CONFLICT
    message = _("The challenge “{challenge}” counts by itself; nobody joins it.")


class IsOver(DomainError):
    code = "is_over"
    kind = Kind.CONFLICT
    message = _("“{what}” ended on {last}.")


class NotForYou(DomainError):
    code = "not_for_you"
    kind = Kind.CONFLICT
    message = _("“{what}” is not for this member.")


class BadPseudonym(DomainError):
    code = "bad_pseudonym"
    kind = Kind.INVALID
    message = _("A name on a leaderboard has {least} to {most} characters that can be read, and is no e-mail address.")


class PseudonymTaken(DomainError):
    code = "pseudonym_taken"
    kind = Kind.CONFLICT
    message = _("Somebody is on the leaderboard as “{pseudonym}” already. Choose another name.")


class _Session:
    """One locked member, for what it joins or leaves."""

    def __init__(self, membership: Membership, now: datetime) -> None:
        self.session = AccountSession.open([membership.pk], now)
        self.session.wallet(membership.pk).require_member()
        self.key: UUID = membership.pk

    @property
    def decision(self) -> Decision:
        return self.session.decisions[self.key]

    @property
    def game(self) -> Game:
        version = self.session.version(self.key)
        return version.of(GAME) if self.decision.member.has(BADGES) else Game()

    def has_joined(self, name: str) -> bool:
        return self.decision.member.has(BADGES) and name in self.decision.member.of(BADGES).joined

    def take(self, decision: Decision) -> None:
        """Take in what was decided, and write it."""
        self.session.take(decision)
        self.session.finish()


@transaction.atomic
def join_challenge(membership: Membership, code: str, *, now: datetime) -> bool:
    """
    Let what a member does count for a challenge from now on; tell whether that is new.

    :raises NoSuchChallenge: when the version in force does not have it
    :raises NothingToJoin: when it counts by itself
    :raises IsOver: when its days have ended
    :raises NotForYou: when it is for a segment to which the member does not belong
    :raises HasLeft: when the member left
    """
    session = _Session(membership, now)
    rule = next((each for each in session.game.challenges if each.code == code), None)
    if rule is None:
        known = offered_to(session.decision, (each.code for each in session.game.challenges))
        raise NoSuchChallenge(challenge=code, known=known)
    if not rule.is_joined:
        raise NothingToJoin(challenge=code)
    _require_open(rule, session)
    if session.has_joined(rule.name):
        session.session.finish()
        return False
    if rule.audience.segments and rule.audience.segments.isdisjoint(segments_of(membership.pk)):
        raise NotForYou(what=code)
    session.take(_joined(session.decision, rule.name, ""))
    return True


def _require_open(rule: ChallengeRule | BoardRule, session: _Session) -> None:
    if rule.last_day is not None and rule.window == "fixed" and rule.last_day < session.decision.on:
        raise IsOver(what=rule.code, last=rule.last_day.isoformat())


def _joined(decision: Decision, name: str, pseudonym: str) -> Decision:
    member = decision.member
    effect = Joined(member.retailer_id, member.program_id, member.membership_id, name, pseudonym, decision.at)
    joins = name not in member.of(BADGES).joined
    return (join(decision, name) if joins else decision).then(effect)


@transaction.atomic
def join_board(membership: Membership, code: str, pseudonym: str, *, now: datetime) -> bool:
    """
    Show a member on a leaderboard under a name, or under another one; tell whether that is new.

    What it did before in the window that is open counts.

    :raises NoSuchBoard: when the version in force does not have it
    :raises BadPseudonym: when the name is none that can be shown
    :raises PseudonymTaken: when somebody else has it there
    :raises IsOver: when its days have ended
    :raises HasLeft: when the member left
    """
    session = _Session(membership, now)
    rule = _board(session, code)
    _require_open(rule, session)
    name = _shown(pseudonym)
    # Who wants the same name at the same moment waits here, behind the lock of its own membership.
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, rule.name])
    others = Participation.objects.filter(name=rule.name, pseudonym__iexact=name).exclude(membership=membership)
    if others.exists():
        raise PseudonymTaken(pseudonym=name)
    is_new = not session.has_joined(rule.name)
    session.take(_joined(session.decision, rule.name, name))
    return is_new


@transaction.atomic
def leave(membership: Membership, code: str, *, now: datetime) -> bool:
    """
    Take a member off a leaderboard; tell whether it was there.

    :raises NoSuchBoard: when the version in force does not have it
    """
    session = _Session(membership, now)
    rule = _board(session, code)
    if not session.has_joined(rule.name):
        session.session.finish()
        return False
    session.take(leave_board(session.decision, rule.name))
    return True


def _board(session: _Session, code: str) -> BoardRule:
    rule = next((each for each in session.game.boards if each.code == code), None)
    if rule is None:
        raise NoSuchBoard(board=code, known=offered_to(session.decision, (each.code for each in session.game.boards)))
    return rule


def _shown(pseudonym: str) -> str:
    """Return a name as it is shown: wide and narrow letters are one, so that nobody passes for another, or hides an address."""
    name = " ".join(unicodedata.normalize("NFKC", pseudonym).split())
    kinds = "".join(unicodedata.category(letter)[0] if letter not in INVISIBLE else "-" for letter in name)
    is_readable = set(kinds) <= set("LMNPSZ") and MANY_MARKS not in kinds and len(kinds) - kinds.count("M") >= MIN_NAME
    if not MIN_NAME <= len(name) <= MAX_NAME or not is_readable or "@" in name:
        raise BadPseudonym(least=MIN_NAME, most=MAX_NAME)
    return name
