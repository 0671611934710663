from django.urls import path

from loyalty.activity.api import changes, integration, ledger, member, redemptions, rewards

# The number of an order may be anything, also what looks like a path.
urlpatterns = [
    path("orders", integration.OrdersView.as_view(), name="orders"),
    path("orders/batch", integration.OrderBatchView.as_view(), name="orders-batch"),
    path("orders/<path:number>/claim", changes.ClaimView.as_view(), name="order-claim"),
    path("orders/<path:number>", changes.OrderView.as_view(), name="order"),
    path("returns", integration.ReturnsView.as_view(), name="returns"),
    path("returns/batch", integration.ReturnBatchView.as_view(), name="returns-batch"),
    path("order-events", integration.OrderEventsView.as_view(), name="order-events"),
    path("order-events/batch", integration.OrderEventBatchView.as_view(), name="order-events-batch"),
    path("interactions", integration.InteractionsView.as_view(), name="interactions"),
    path("interactions/batch", integration.InteractionBatchView.as_view(), name="interactions-batch"),
    path("enrolments", integration.EnrolmentsView.as_view(), name="enrolments"),
    path("members/<str:number>", integration.MemberView.as_view(), name="member"),
    path("members/<str:number>/statement", ledger.MemberStatementView.as_view(), name="member-statement"),
    path("members/<str:number>/balance", ledger.MemberBalanceView.as_view(), name="member-balance"),
    path("members/<str:number>/forecast", ledger.MemberForecastView.as_view(), name="member-forecast"),
    path("members/<str:number>/orders/<path:order_number>", ledger.MemberOrderView.as_view(), name="member-order"),
    path("members/<str:number>/transfers", redemptions.TransfersView.as_view(), name="transfers"),
    path("members/<str:number>/household", redemptions.HouseholdView.as_view(), name="household"),
    path("members/<str:number>/redemptions", redemptions.RedemptionsView.as_view(), name="redemptions"),
    path(
        "members/<str:number>/redemptions/<uuid:entry_id>/reverse", redemptions.ReversalView.as_view(), name="reversal"
    ),
    path("members/<str:number>/holds", redemptions.HoldsView.as_view(), name="holds"),
    path("members/<str:number>/adjustments", redemptions.AdjustmentsView.as_view(), name="adjustments"),
    path("members/<str:number>/rewards", rewards.MemberRewardsView.as_view(), name="member-rewards"),
    path(
        "members/<str:number>/rewards/redemptions", rewards.MemberRedemptionsView.as_view(), name="reward-redemptions"
    ),
    path("members/<str:number>/leave", redemptions.LeaveView.as_view(), name="leave"),
    path("holds/<uuid:hold_id>/confirm", redemptions.ConfirmView.as_view(), name="confirm"),
    path("holds/<uuid:hold_id>/release", redemptions.ReleaseView.as_view(), name="release"),
    path("rewards/redemptions/<uuid:redemption_id>/cancel", rewards.CancellationView.as_view(), name="reward-cancel"),
    path("rewards/redemptions/<uuid:redemption_id>/refund", rewards.RefundView.as_view(), name="reward-refund"),
    path("rewards/redemptions/<uuid:redemption_id>/fulfil", rewards.FulfilmentView.as_view(), name="reward-fulfil"),
    path("vouchers/check", rewards.VoucherCheckView.as_view(), name="voucher-check"),
    path("vouchers/hold", rewards.VoucherHoldView.as_view(), name="voucher-hold"),
    path("vouchers/confirm", rewards.VoucherConfirmView.as_view(), name="voucher-confirm"),
    path("vouchers/release", rewards.VoucherReleaseView.as_view(), name="voucher-release"),
    path("customers/<str:external_id>/token", integration.TokensView.as_view(), name="token"),
    path("customers/<str:external_id>/merge", changes.MergeView.as_view(), name="customer-merge"),
    path("me", member.MeView.as_view(), name="me"),
    path("me/wallet", member.WalletView.as_view(), name="wallet"),
    path("me/tier", member.TierView.as_view(), name="tier"),
    path("me/statement", ledger.MyStatementView.as_view(), name="statement"),
    path("me/forecast", ledger.MyForecastView.as_view(), name="forecast"),
    path("me/orders/<path:order_number>", ledger.MyOrderView.as_view(), name="my-order"),
    path("me/rewards", rewards.MyRewardsView.as_view(), name="my-rewards"),
    path("me/rewards/redemptions", rewards.MyRedemptionsView.as_view(), name="my-redemptions"),
    path(
        "me/rewards/redemptions/<uuid:redemption_id>/cancel",
        rewards.MyCancellationView.as_view(),
        name="my-reward-cancel",
    ),
    path("reconciliation", ledger.ReconciliationView.as_view(), name="reconciliation"),
    path("programs/<slug:slug>/month-end", ledger.MonthEndView.as_view(), name="month-end"),
    path("programs/<slug:slug>/journal", ledger.JournalView.as_view(), name="journal"),
    path("programs/<slug:slug>/month-end/lots", ledger.LotsOwedView.as_view(), name="month-end-lots"),
]
