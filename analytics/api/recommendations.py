"""Recommendation runs, for retailers' systems: what is served, why, and how right it was."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.recommendations import running, words
from analytics.recommendations.models import RecommendationRun
from customers.api.asking import AskedView
from customers.api.callers import author_of, retailer_of, the_one
from customers.api.pagination import NewestFirst
from loyalty.activity.api.asking import NotThere

READ = "analytics:read"


class NoSuchRun(NotThere):
    message = _("There is no recommendation run {id}. /api/v1/analytics/recommendations lists those that there are.")


class RecommendationRunOut(serializers.ModelSerializer[RecommendationRun]):
    """One run: of each list, what is served and how right every method was on the last four weeks, which it had not seen."""

    status_words = serializers.CharField(source="get_status_display")
    data_cut = serializers.DateField(allow_null=True, help_text="The last day of its data.")
    history_days = serializers.IntegerField(help_text="Days of purchases, two years at most.")
    consenting = serializers.IntegerField(help_text="Of those who bought, who allow a profile.")
    items = serializers.IntegerField(help_text="Products that were bought.")
    reason = serializers.SerializerMethodField(help_text="Why there are no lists; empty where there are.")
    verdicts = serializers.DictField(
        help_text="By list: `served`, `reason`, and `judged` with recall, NDCG and hits of ten, as shares, by method."
    )
    coverage = serializers.DictField(help_text="By list: how many products all customers' lists show.")
    excluded = serializers.DictField(help_text="How many products are left out, by why.")

    class Meta:
        model = RecommendationRun
        fields = (
            "id", "status", "status_words", "reason", "data_cut", "history_days", "customers", "consenting", "items",
            "excluded", "verdicts", "coverage", "author", "step", "asked_at", "finished_at",
        )  # fmt: skip

    def get_reason(self, run: RecommendationRun) -> str:
        return words.reason_said(run)


def _runs(request: Request) -> Any:
    return RecommendationRun.objects.filter(retailer=retailer_of(request))


class RunsView(AskedView, ListAPIView[RecommendationRun]):
    scopes: ClassVar = {"GET": READ, "POST": READ}
    serializer_class = RecommendationRunOut
    pagination_class = NewestFirst
    filter_backends = ()

    def get_queryset(self) -> Any:
        is_drawn = getattr(self, "swagger_fake_view", False)
        return RecommendationRun.objects.none() if is_drawn else _runs(self.request)

    @extend_schema(tags=["analytics"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return the recommendation runs, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=None, responses={202: RecommendationRunOut}, tags=["analytics"])
    def post(self, request: Request) -> Response:
        """Ask for new lists for all customers; a worker makes them. Again while one waits is that one."""
        run = running.ask(retailer_of(request), now=timezone.now(), author=author_of(request))
        return Response(RecommendationRunOut(run).data, status=status.HTTP_202_ACCEPTED)


class RunView(AskedView):
    scopes: ClassVar = {"GET": READ}

    @extend_schema(responses=RecommendationRunOut, tags=["analytics"])
    def get(self, request: Request, run_id: int) -> Response:
        """Return a recommendation run."""
        return Response(
            RecommendationRunOut(the_one(_runs(request).filter(pk=run_id), lambda: NoSuchRun(id=run_id))).data
        )
