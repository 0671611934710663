from django.urls import path

from loyalty.activity.api import integration, member, redemptions

urlpatterns = [
    path("orders", integration.OrdersView.as_view(), name="orders"),
    path("orders/batch", integration.OrderBatchView.as_view(), name="orders-batch"),
    path("returns", integration.ReturnsView.as_view(), name="returns"),
    path("returns/batch", integration.ReturnBatchView.as_view(), name="returns-batch"),
    path("enrolments", integration.EnrolmentsView.as_view(), name="enrolments"),
    path("members/<str:number>", integration.MemberView.as_view(), name="member"),
    path("members/<str:number>/redemptions", redemptions.RedemptionsView.as_view(), name="redemptions"),
    path(
        "members/<str:number>/redemptions/<uuid:entry_id>/reverse", redemptions.ReversalView.as_view(), name="reversal"
    ),
    path("members/<str:number>/holds", redemptions.HoldsView.as_view(), name="holds"),
    path("members/<str:number>/adjustments", redemptions.AdjustmentsView.as_view(), name="adjustments"),
    path("holds/<uuid:hold_id>/confirm", redemptions.ConfirmView.as_view(), name="confirm"),
    path("holds/<uuid:hold_id>/release", redemptions.ReleaseView.as_view(), name="release"),
    path("customers/<str:external_id>/token", integration.TokensView.as_view(), name="token"),
    path("me", member.MeView.as_view(), name="me"),
    path("me/wallet", member.WalletView.as_view(), name="wallet"),
    path("me/tier", member.TierView.as_view(), name="tier"),
    path("me/statement", member.StatementView.as_view(), name="statement"),
]
