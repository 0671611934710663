"""Contests, prizes and surprises as the API says them."""

from typing import Any

from rest_framework import serializers

from customers.api.strict import Strict
from loyalty.badges.api.serializers import IN_LANGUAGE, ArtField, PrizeForRanksOut, text_of
from loyalty.badges.models import Board, ContestPrize, Surprise, SurpriseTicket
from loyalty.badges.overview import said
from loyalty.badges.windows import days_of
from loyalty.badges.winnings import OpenContest

MISSED = ("missed_at", "missed_because")  # of a lot that was drawn and not given


class OpenContestOut(serializers.Serializer[OpenContest]):
    code = serializers.CharField(source="board.code")
    name = serializers.CharField(source="board.__str__", help_text=IN_LANGUAGE)
    description = serializers.SerializerMethodField(help_text=IN_LANGUAGE)
    image = ArtField(source="board.image", allow_blank=True)
    metric = serializers.ChoiceField(
        source="board.metric", choices=Board._meta.get_field("metric").flatchoices, help_text="What scores."
    )
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField()
    settled_on = serializers.DateField(help_text="The first day on which the prizes are given.")
    prizes = PrizeForRanksOut(source="board.prizes", many=True)
    wallet = serializers.CharField(source="board.wallet", help_text="Where prizes go.")
    is_joined = serializers.SerializerMethodField(help_text="Only who has joined its leaderboard can win.")
    rank = serializers.IntegerField(
        source="mine.rank", default=None, allow_null=True, help_text="Null for no score, and far down."
    )
    score = serializers.SerializerMethodField()
    points = serializers.IntegerField(help_text="What this rank would be given if the contest ended now.")

    def get_description(self, contest: OpenContest) -> str:
        return text_of(contest.board)

    def get_is_joined(self, contest: OpenContest) -> bool:
        return contest.mine is not None

    def get_score(self, contest: OpenContest) -> str:
        return said(contest.rule.goals[0].metric, contest.mine.score if contest.mine else 0)


class PrizeOut(serializers.ModelSerializer[ContestPrize]):
    code = serializers.CharField(source="finish.board.code")
    name = serializers.CharField(source="finish.board.__str__", help_text=IN_LANGUAGE)
    first_day = serializers.SerializerMethodField(help_text="Of the window.")
    last_day = serializers.SerializerMethodField()
    score = serializers.SerializerMethodField()
    wallet = serializers.CharField(source="finish.board.wallet", help_text="Where the points went.")
    members = serializers.IntegerField(source="finish.members", help_text="Who had a score.")
    finished_at = serializers.DateTimeField(source="finish.finished_at")

    class Meta:
        model = ContestPrize
        fields = (
            "code",
            "name",
            "first_day",
            "last_day",
            "rank",
            "score",
            "points",
            "wallet",
            "members",
            "finished_at",
        )

    def get_first_day(self, prize: ContestPrize) -> str | None:
        first, _last = days_of(prize.finish.window)
        return first.isoformat() if first else None

    def get_last_day(self, prize: ContestPrize) -> str | None:
        _first, last = days_of(prize.finish.window)
        return last.isoformat() if last else None

    def get_score(self, prize: ContestPrize) -> str:
        return said(prize.finish.board.metric, prize.score)


class ContestsOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    open = OpenContestOut(many=True, help_text="Those that go on.")
    won = PrizeOut(many=True, help_text="The latest hundred prizes, the latest first.")


class GiftOut(serializers.ModelSerializer[SurpriseTicket]):
    code = serializers.CharField(source="surprise.code")
    name = serializers.CharField(source="surprise.__str__", help_text=IN_LANGUAGE)
    points = serializers.IntegerField(source="surprise.points")
    wallet = serializers.CharField(source="surprise.wallet")

    class Meta:
        model = SurpriseTicket
        fields = ("code", "name", "points", "wallet", "given_at")


class GiftsOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    surprises = GiftOut(many=True, help_text="The latest hundred, the latest first.")


class DrawOut(GiftOut):
    gifts = serializers.IntegerField(source="surprise.gifts", help_text="How many the budget pays.")
    candidates = serializers.IntegerField(source="surprise.candidates")
    drawn_at = serializers.DateTimeField(source="surprise.drawn_at")

    class Meta(GiftOut.Meta):
        fields = (*GiftOut.Meta.fields, "gifts", "candidates", "drawn_at", "lot", "place", "is_drawn", *MISSED)  # type: ignore[assignment] # one more


class DrawsOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    surprises = DrawOut(many=True, help_text="The latest hundred draws in which it was a candidate, the latest first.")


class SurpriseOut(serializers.ModelSerializer[Surprise]):
    name = serializers.CharField(source="__str__", help_text=IN_LANGUAGE)
    gifts = serializers.IntegerField(help_text="How many the budget pays.")

    class Meta:
        model = Surprise
        fields = ("code", "name", "points", "budget", "wallet", "gifts", "status", "candidates", "drawn_at", "drawn_by")


class LotOut(serializers.ModelSerializer[SurpriseTicket]):
    class Meta:
        model = SurpriseTicket
        fields = ("number", "lot", "place", "is_drawn", "given_at", *MISSED)


class ExplainedOut(SurpriseOut):
    seed = serializers.IntegerField(help_text="A lot is the SHA-256 of SEED:NUMBER; the smallest lots win.")
    is_as_drawn = serializers.BooleanField(
        source="explained.is_as_drawn", help_text="Whether its seed and its candidates give the same lots again."
    )
    drawn = serializers.IntegerField(source="explained.gifts", help_text="How many were drawn.")
    missed = serializers.IntegerField(
        source="explained.missed",
        help_text="How many of them were not given: their members had left, or were held out.",
    )
    points_given = serializers.IntegerField(source="explained.points", help_text="Of all that were drawn, less those.")
    lot = LotOut(allow_null=True, help_text="Of the member that was asked for; null for who was no candidate.")

    class Meta(SurpriseOut.Meta):
        fields = (*SurpriseOut.Meta.fields, "seed", "is_as_drawn", "drawn", "missed", "points_given", "lot")  # type: ignore[assignment] # more


class DrawIn(Strict):
    author = serializers.CharField(max_length=150, help_text="Who decided it.")


class DrawnOut(SurpriseOut):
    drawn = serializers.IntegerField(help_text="How many members get something, within minutes.")

    class Meta(SurpriseOut.Meta):
        fields = (*SurpriseOut.Meta.fields, "drawn")  # type: ignore[assignment] # one more
