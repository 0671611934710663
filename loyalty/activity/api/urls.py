from django.urls import path

from loyalty.activity.api import integration, member

urlpatterns = [
    path("orders", integration.OrdersView.as_view(), name="orders"),
    path("orders/batch", integration.OrderBatchView.as_view(), name="orders-batch"),
    path("returns", integration.ReturnsView.as_view(), name="returns"),
    path("returns/batch", integration.ReturnBatchView.as_view(), name="returns-batch"),
    path("enrolments", integration.EnrolmentsView.as_view(), name="enrolments"),
    path("members/<str:number>", integration.MemberView.as_view(), name="member"),
    path("customers/<str:external_id>/token", integration.TokensView.as_view(), name="token"),
    path("me", member.MeView.as_view(), name="me"),
    path("me/wallet", member.WalletView.as_view(), name="wallet"),
    path("me/tier", member.TierView.as_view(), name="tier"),
    path("me/statement", member.StatementView.as_view(), name="statement"),
]
