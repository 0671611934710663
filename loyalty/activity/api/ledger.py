"""Statement, forecast and explanation of a member's points, and the ledger's proof and month's end: reads only."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import retailer_of, the_one
from customers.api.fields import ExactField, InstantField
from customers.api.pagination import Key, NewestFirst, Pages, Place
from customers.api.told import asked
from customers.core.errors import DomainError, Kind
from customers.models import Order
from loyalty.activity.api.asking import NotThere, listed, member_of, program_of
from loyalty.activity.api.entries import said_entries
from loyalty.activity.api.member import memberships_of, shopper
from loyalty.activity.api.serializers import EntryOut
from loyalty.activity.explaining import why
from loyalty.activity.month_files import JOURNAL, LOTS, download
from loyalty.memberships.models import Membership
from loyalty.plans.books import fee_books
from loyalty.points.journal import MonthEnd, month_end
from loyalty.points.liability import NotAMonth, month_of
from loyalty.points.models import Entry, Wallet
from loyalty.points.paging import KEYS, OF_CUSTOMER, OF_NUMBER, StatedEntry, page
from loyalty.points.proof import prove
from loyalty.points.remarks import Remark
from loyalty.points.state import MAIN
from loyalty.points.statement import Clock, forecast, was
from loyalty.programs.models import Program
from loyalty.rewards.books import reward_books

CLOCK = OpenApiParameter(
    "clock", str, enum=["recorded", "occurred"], description="By which clock; recorded if left out."
)
AS_OF = OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As it was at this instant; now if left out.")
WALLET = OpenApiParameter("wallet", str, description="Of one wallet; `points` or another one.")
MONTH = OpenApiParameter("month", str, required=True, description="Such as 2026-10.")


# By what statements are sorted.
SORTED = {clock: tuple(Key.of(Entry, f"-{name}") for name in names) for clock, names in KEYS.items()}


class NotAnOrder(DomainError):
    code = "unknown_order"
    kind = Kind.NOT_FOUND
    message = _("The member has no order {number} that was decided.")


class NotAWallet(NotThere):
    message = _("Member {number} has no wallet “{wallet}”. It has: {known}.")


class StatementQuery(serializers.Serializer[Any]):
    as_of = InstantField(required=False)
    clock = serializers.ChoiceField(choices=["recorded", "occurred"], default="recorded")
    wallet = serializers.SlugField(required=False)


class ForecastOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    wallet = serializers.CharField(help_text="Of which they are; `points` for the one that every program has.")
    last_day = serializers.DateField(help_text="The last day on which they can be spent.")
    points = serializers.IntegerField()


class WasOut(serializers.Serializer[Any]):
    available = serializers.IntegerField()
    pending = serializers.IntegerField()
    held = serializers.IntegerField()
    owed = serializers.IntegerField()


class RemarkOut(serializers.Serializer[Any]):
    rule = serializers.CharField(help_text="The code of an earning rule.")
    remark = serializers.ChoiceField(
        choices=[each.value for each in Remark], help_text="Why it gave nothing, or what it did not count."
    )
    amount = ExactField(help_text="What it counted, or the gift cards that it did not count.")
    minimum = ExactField(help_text="That the rule asks for; 0 for none.")
    lines = serializers.IntegerField(help_text="How many lines it did not count.")
    sentence = serializers.CharField(help_text="The same in the caller's language.")


class WhyOut(serializers.Serializer[Any]):
    order = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    points = serializers.IntegerField(help_text="What it gave.")
    points_kept = serializers.IntegerField(help_text="What it keeps after returns.")
    reason = serializers.CharField(allow_blank=True, help_text="A code, where it gave nothing or less.")
    version = serializers.IntegerField(allow_null=True, help_text="Of the program, under which it was decided.")
    sentences = serializers.ListField(child=serializers.CharField(), help_text="In the caller's language.")
    remarks = RemarkOut(many=True, help_text="Why rules gave nothing, and which lines others did not count.")


class DifferenceOut(serializers.Serializer[Any]):
    what = serializers.CharField()
    id = serializers.CharField()
    stored = serializers.IntegerField()
    proven = serializers.IntegerField()


class ProofOut(serializers.Serializer[Any]):
    proven = serializers.BooleanField()
    wallets = serializers.IntegerField()
    lots = serializers.IntegerField()
    movements = serializers.IntegerField()
    differences = DifferenceOut(many=True)


class OwedOut(serializers.Serializer[Any]):
    wallet = serializers.CharField()
    pending = serializers.IntegerField()
    available = serializers.IntegerField()
    held = serializers.IntegerField()
    expected = serializers.DecimalField(max_digits=None, decimal_places=2, help_text="Points expected to be redeemed.")
    value = ExactField()
    breakage = ExactField()
    liability = ExactField()
    deferred = ExactField(help_text="Deferred revenue (IFRS 15).")


class JournalLineOut(serializers.Serializer[Any]):
    wallet = serializers.CharField()
    event = serializers.CharField()
    account = serializers.CharField()
    debit = ExactField()
    credit = ExactField()
    points = serializers.IntegerField()
    is_late = serializers.BooleanField(help_text="It occurred in a month before, and was recorded in this one.")
    text = serializers.CharField()


class FeeLineOut(serializers.Serializer[Any]):
    event = serializers.CharField()
    account = serializers.CharField()
    debit = ExactField()
    credit = ExactField()
    is_late = serializers.BooleanField(help_text="It is of a closed month, and was told in this one.")
    text = serializers.CharField()


class RewardLineOut(FeeLineOut):
    rewards = serializers.IntegerField(source="count")


class FeesOut(serializers.Serializer[Any]):
    deferred_before = ExactField()
    deferred_after = ExactField(help_text="Paid for days to come.")
    earned = ExactField()
    credit_after = ExactField(help_text="What members have of earlier fees.")
    cost = ExactField(help_text="Of the benefits: of extra points, of lower prices of rewards, and of perks.")
    points = serializers.IntegerField(help_text="That orders keep and would not without their plans' multiplier.")
    points_cost = ExactField(help_text="Of those, at the value of a point; it is in the books of points.")
    discount = ExactField(help_text="What rewards cost less by prices for plans; it is in the books of rewards.")
    perks_cost = ExactField(help_text="By your own estimate, by the days on which members had them.")
    closed_at = serializers.DateTimeField(allow_null=True, help_text="When this part of the month was closed.")
    journal = FeeLineOut(many=True, source="lines")


class RewardBooksOut(serializers.Serializer[Any]):
    owed_before = ExactField(help_text="What rewards cost that members had and had not used.")
    owed_after = ExactField()
    cost = ExactField(help_text="Of those that were used, less those that were refunded.")
    cost_per_member = ExactField()
    members = serializers.IntegerField(help_text="Who were given something.")
    closed_at = serializers.DateTimeField(allow_null=True, help_text="When this part of the month was closed.")
    journal = RewardLineOut(many=True, source="lines")


class MonthEndOut(serializers.Serializer[Any]):
    currency = serializers.CharField()
    closed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the month was closed; null where it is read from the ledger itself."
    )
    before = OwedOut(many=True)
    after = OwedOut(many=True)
    journal = JournalLineOut(many=True)
    fees = FeesOut(help_text="Of paid plans.")
    rewards = RewardBooksOut(help_text="Of redeemed rewards.")


class Statement(AskedView, ListAPIView[Entry]):
    """Entries with their causes in words, the newest first, as of any instant on either clock."""

    serializer_class = EntryOut
    pagination_class = NewestFirst
    queryset = Entry.objects.none()  # for the schema
    filter_backends = ()

    def page(self, request: Request, whose: str, **given: Any) -> list[StatedEntry]:
        """
        Return a page of the entries that are asked for.

        :param whose: of `loyalty.points.paging`, and what that asks for
        """
        said = asked(StatementQuery, request.query_params) if request.query_params else {}
        clock = _clock(request)

        def read(place: Place, limit: int) -> list[StatedEntry]:
            return page(
                whose, given, clock=clock, behind=place.values, is_back=place.is_back, limit=limit,
                at=said.get("as_of"), wallet=said.get("wallet"),
            )  # fmt: skip

        return self.pages.page_of(request, SORTED[clock], read)

    @property
    def pages(self) -> Pages:
        return cast("Pages", self.paginator)

    def answer(self, request: Request, entries: Sequence[StatedEntry]) -> Response:
        """Tell a page of entries."""
        return self.pages.get_paginated_response(said_entries(entries, _clock(request)))


class MyStatementView(Statement):
    @extend_schema(parameters=[AS_OF, CLOCK, WALLET], tags=["me"])
    def get(self, request: Request, *_given: Any, **_named: Any) -> Response:
        """Return every entry on my wallets with its cause and explanation, the newest first."""
        return self.answer(request, self.page(request, OF_CUSTOMER, customer=shopper(request).pk))


class MemberStatementView(Statement):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(parameters=[AS_OF, CLOCK, WALLET], tags=["members"])
    def get(self, request: Request, *_given: Any, number: str) -> Response:
        """Return every entry on a member's wallets with its cause and explanation, the newest first."""
        found = self.page(request, OF_NUMBER, retailer=retailer_of(request).pk, number=number)
        if not found:
            member_of(request, number)  # who is nobody has no page, not even an empty one
        return self.answer(request, found)


class MemberBalanceView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(parameters=[AS_OF, CLOCK, WALLET], responses=WasOut, tags=["members"])
    def get(self, request: Request, number: str) -> Response:
        """Return what a wallet held as its entries until an instant tell, by either clock."""
        said = asked(StatementQuery, request.query_params)
        wallets = Wallet.objects.filter(membership=member_of(request, number))
        code = said.get("wallet", MAIN)
        wallet = the_one(
            wallets.filter(code=code),
            lambda: NotAWallet(wallet=code, number=number, known=listed(wallets.values_list("code", flat=True))),
        )
        clock = Clock.OCCURRED if said["clock"] == "occurred" else Clock.RECORDED
        return Response(WasOut(was(wallet, at=said.get("as_of", timezone.now()), clock=clock)).data)


class MyForecastView(AskedView):
    @extend_schema(responses=ForecastOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return which of my points expire when, the next first."""
        return Response(_forecast(memberships_of(request)))


class MemberForecastView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=ForecastOut(many=True), tags=["members"])
    def get(self, request: Request, number: str) -> Response:
        """Return which of a member's points expire when, the next first."""
        member = member_of(request, number)
        return Response(_forecast([member]))


class MyOrderView(AskedView):
    @extend_schema(responses=WhyOut(many=True), tags=["me"])
    def get(self, request: Request, order_number: str) -> Response:
        """Return why one of my orders gave what it gave, in each program."""
        order = Order.objects.filter(customer=shopper(request), number=order_number).first()
        reasons = [why(member, order) for member in memberships_of(request)] if order else []
        told = [each for each in reasons if each is not None]
        if not told:
            raise NotAnOrder(number=order_number)
        return Response(WhyOut(told, many=True).data)


class MemberOrderView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=WhyOut, tags=["members"])
    def get(self, request: Request, number: str, order_number: str) -> Response:
        """Return why an order gave a member what it gave."""
        member = member_of(request, number)
        order = Order.objects.filter(retailer=member.retailer_id, number=order_number).first()
        told = why(member, order) if order else None
        if told is None:
            raise NotAnOrder(number=order_number)
        return Response(WhyOut(told).data)


class ReconciliationView(AskedView):
    scopes: ClassVar = {"GET": "ledger:read"}

    @extend_schema(responses=ProofOut, tags=["ledger"])
    def get(self, request: Request) -> Response:
        """Prove your ledger: every balance is the sum of its rows. What is not is named, with both numbers."""
        proof = prove(retailer_of(request))
        body = {
            "proven": not proof.differences,
            "wallets": proof.wallets,
            "lots": proof.lots,
            "movements": proof.movements,
            "differences": proof.differences,
        }
        return Response(ProofOut(body).data)


class MonthEndView(AskedView):
    scopes: ClassVar = {"GET": "ledger:read"}

    @extend_schema(parameters=[MONTH, CLOCK], responses=MonthEndOut, tags=["ledger"])
    def get(self, request: Request, slug: str) -> Response:
        """Return what a program owed before and after a month, and the journal between."""
        program, month = _month_end(request, slug)
        now = timezone.now()
        time: dict[str, Any] = {
            "since": min(month.since, now),
            "until": min(month.until, now),
            "clock": _clock(request),
        }
        body = {
            "currency": program.retailer.currency,
            "closed_at": month.closed_at,
            "before": month.before,
            "after": month.after,
            "journal": month.lines,
            "fees": fee_books(program, **time),
            "rewards": reward_books(program, **time),
        }
        return Response(MonthEndOut(body).data)


class JournalView(AskedView):
    scopes: ClassVar = {"GET": "ledger:read"}

    @extend_schema(parameters=[MONTH, CLOCK], responses={(200, "text/csv"): OpenApiTypes.STR}, tags=["ledger"])
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Return the journal of a month as a CSV file for the accounts."""
        program, month = _month_end(request, slug)
        return download(program, month, JOURNAL, now=timezone.now(), clock=_clock(request))


class LotsOwedView(AskedView):
    scopes: ClassVar = {"GET": "ledger:read"}

    @extend_schema(parameters=[MONTH, CLOCK], responses={(200, "text/csv"): OpenApiTypes.STR}, tags=["ledger"])
    def get(self, request: Request, slug: str) -> HttpResponse:
        """Return what is owed of each lot at the end of a month as a CSV file for the auditors."""
        program, month = _month_end(request, slug)
        return download(program, month, LOTS, now=timezone.now(), clock=_clock(request))


def _clock(request: Request) -> Clock:
    return Clock.OCCURRED if request.query_params.get("clock") == "occurred" else Clock.RECORDED


def _month_end(request: Request, slug: str) -> tuple[Program, MonthEnd]:
    program = program_of(request, slug)
    text = request.query_params.get("month", "")
    try:
        since, until = month_of(text, program.tzinfo)
    except ValueError:
        raise NotAMonth(text=text) from None
    return program, month_end(program, since=since, until=until, now=timezone.now(), clock=_clock(request))


def _forecast(memberships: list[Membership]) -> Any:
    """Return what expires when, the next first; of one day by program, and of one program the main wallet first."""
    now = timezone.now()
    expiries = [
        {"program": each.program.slug, "wallet": wallet.code, "last_day": expiring.last_day, "points": expiring.points}
        for each in memberships
        for wallet in each.wallets.all()
        for expiring in forecast(wallet, at=now, zone=each.program.tzinfo)
    ]

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        return row["last_day"], row["program"], row["wallet"] != MAIN, row["wallet"]

    return ForecastOut(sorted(expiries, key=place), many=True).data
