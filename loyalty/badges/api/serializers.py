"""Badges, challenges and leaderboards as the API says them."""

from typing import Any

from rest_framework import serializers

from customers.api.strict import Strict
from customers.core.images import address_of
from customers.core.languages import own_text
from loyalty.badges.account.joining import MAX_NAME
from loyalty.badges.models import Badge, Board, Challenge, ChallengeAward

IN_LANGUAGE = "In the caller's language."


class GoalOut(serializers.Serializer[Any]):
    metric = serializers.ChoiceField(choices=Challenge._meta.get_field("metric").flatchoices, help_text="What counts.")
    interaction = serializers.CharField(allow_blank=True, help_text="The kind that counts; empty for orders.")
    value = serializers.CharField(
        help_text="What counts so far; of a streak, the run that goes on; of the last days, what came since they met it."
    )
    target = serializers.CharField(
        help_text="Of the next award: of the next level, or of the next time where it repeats."
    )


class ArtField(serializers.CharField):
    """A picture's address, of an uploaded one on this site, or the name by which a retailer's own pages know it."""

    def to_representation(self, value: str) -> str:
        return address_of(value, self.context.get("site", ""))


class LevelOut(serializers.Serializer[Any]):
    target = serializers.CharField()
    points = serializers.IntegerField(default=0)


class ChallengeOut(serializers.Serializer[Any]):
    code = serializers.CharField(source="challenge.code")
    name = serializers.CharField(source="challenge.__str__", help_text=IN_LANGUAGE)
    description = serializers.SerializerMethodField(help_text=IN_LANGUAGE)
    image = ArtField(source="challenge.image", allow_blank=True)
    window = serializers.ChoiceField(
        source="challenge.window", choices=Challenge._meta.get_field("window").flatchoices, help_text="Over which time."
    )
    window_days = serializers.SerializerMethodField(help_text="Of a window of the last days.")
    first_day = serializers.DateField(allow_null=True, help_text="Of the window that is open; null for no bound.")
    last_day = serializers.DateField(allow_null=True)
    is_open = serializers.BooleanField(help_text="Whether what is done today can count.")
    asks_for = serializers.ChoiceField(
        source="challenge.combination", choices=Challenge.Combination.choices, help_text="Of the goals."
    )
    goals = GoalOut(many=True)
    levels = LevelOut(source="challenge.levels", many=True)
    met = serializers.IntegerField(help_text="How often in this window; of one in levels, how many.")
    awards = serializers.IntegerField(help_text="How many the member has, of all windows.")
    repeats = serializers.BooleanField(source="challenge.repeats", help_text="Within one window.")
    points = serializers.IntegerField(source="challenge.points")
    badge = serializers.CharField(source="challenge.badge", allow_blank=True, help_text="Its code; empty for none.")
    is_joined_by_hand = serializers.BooleanField(
        source="challenge.opt_in", help_text="Whether it counts only for who joins."
    )
    joined_at = serializers.DateTimeField(allow_null=True)

    def get_description(self, progress: Any) -> str:
        return text_of(progress.challenge)

    def get_window_days(self, progress: Any) -> int | None:
        row = progress.challenge
        return row.window_days if row.window == "rolling" else None


def text_of(row: Badge | Challenge | Board) -> str:
    """Return a description in the reader's language."""
    return own_text(row, "description")


class ChallengesOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    challenges = ChallengeOut(many=True)


class BadgeOut(serializers.Serializer[Any]):
    code = serializers.CharField(source="badge.code")
    name = serializers.CharField(source="badge.__str__", help_text=IN_LANGUAGE)
    description = serializers.SerializerMethodField(help_text=IN_LANGUAGE)
    image = ArtField(source="badge.image", allow_blank=True)
    kind = serializers.ChoiceField(source="badge.kind", choices=Badge.Kind.choices)
    times = serializers.IntegerField(help_text="How many times it was given; 0 for never.")
    level = serializers.IntegerField(help_text="0 for none, and for a badge without levels.")
    level_name = serializers.CharField(allow_blank=True, help_text=IN_LANGUAGE)
    next_at = serializers.IntegerField(allow_null=True, help_text="How many times the next level takes.")
    last_at = serializers.DateTimeField(allow_null=True, help_text="When it was given last.")

    def get_description(self, held: Any) -> str:
        return text_of(held.badge)


class AwardCauseOut(serializers.Serializer[Any]):
    order = serializers.CharField(allow_null=True, help_text="Its number.")
    interaction = serializers.CharField(allow_null=True, help_text="Its number.")
    occurred_at = serializers.DateTimeField()


class AwardOfMemberOut(serializers.ModelSerializer[ChallengeAward]):
    challenge = serializers.CharField(source="challenge.code")
    badge = serializers.CharField(source="badge.code", allow_null=True, default=None)
    causes = AwardCauseOut(many=True, help_text="The orders and interactions that met the challenge, as they are now.")

    class Meta:
        model = ChallengeAward
        fields = ("id", "challenge", "badge", "level", "number", "points", "wallet", "occurred_at", "causes")


class BadgesOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    badges = BadgeOut(many=True)
    awards = AwardOfMemberOut(many=True, help_text="The latest hundred, the newest first.")


class BoardLineOut(serializers.Serializer[Any]):
    rank = serializers.IntegerField(allow_null=True, help_text="Who have the same score share it; null far down.")
    name = serializers.CharField(source="shown_as", help_text="By which the member wants to be shown.")
    score = serializers.CharField()
    reached_at = serializers.DateTimeField(allow_null=True, help_text="Who reached a score first is listed first.")
    is_me = serializers.BooleanField()


class PrizeForRanksOut(serializers.Serializer[Any]):
    rank = serializers.IntegerField()
    through = serializers.IntegerField(help_text="The last rank that gets the same.")
    points = serializers.IntegerField()


class BoardOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField(help_text=IN_LANGUAGE)
    description = serializers.CharField(allow_blank=True, help_text=IN_LANGUAGE)
    image = ArtField(allow_blank=True)
    metric = serializers.ChoiceField(choices=Board._meta.get_field("metric").flatchoices, help_text="What scores.")
    window = serializers.ChoiceField(choices=Board._meta.get_field("window").flatchoices)
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    prizes = PrizeForRanksOut(many=True, help_text="Of a contest.")
    wallet = serializers.CharField(help_text="Where prizes go.")
    lines = BoardLineOut(many=True)
    mine = BoardLineOut(allow_null=True, help_text="Null for who has not joined.")


class BoardsOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    boards = BoardOut(many=True)


class PseudonymIn(Strict):
    name = serializers.CharField(max_length=10 * MAX_NAME, help_text="By which the member wants to be shown.")


class ByStaffIn(Strict):
    author = serializers.CharField(max_length=150, help_text="Who decided it.")
    reason = serializers.CharField(max_length=500)
