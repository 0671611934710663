from django.urls import path

from loyalty.plans.api import views

urlpatterns = [
    path("me/plans", views.MyPlansView.as_view(), name="my-plans"),
    path("me/plans/<slug:slug>/join", views.MyJoinView.as_view(), name="my-plan-join"),
    path("me/plans/<slug:slug>/change", views.MyChangeView.as_view(), name="my-plan-change"),
    path("me/plans/<slug:slug>/cancel", views.MyCancelView.as_view(), name="my-plan-cancel"),
    path("me/plans/<slug:slug>/resume", views.MyResumeView.as_view(), name="my-plan-resume"),
    path("me/plans/<slug:slug>/payment-method", views.MyMethodView.as_view(), name="my-plan-method"),
    path("me/plans/<slug:slug>/invoices", views.MyInvoicesView.as_view(), name="my-invoices"),
    path("members/<str:number>/plan", views.MemberPlanView.as_view(), name="member-plan"),
    path("members/<str:number>/plan/join", views.MemberJoinView.as_view(), name="member-plan-join"),
    path("members/<str:number>/plan/change", views.MemberChangeView.as_view(), name="member-plan-change"),
    path("members/<str:number>/plan/cancel", views.MemberCancelView.as_view(), name="member-plan-cancel"),
    path("members/<str:number>/plan/resume", views.MemberResumeView.as_view(), name="member-plan-resume"),
    path("members/<str:number>/plan/payment-method", views.MemberMethodView.as_view(), name="member-plan-method"),
    path("members/<str:number>/invoices", views.MemberInvoicesView.as_view(), name="member-invoices"),
    path("members/<str:number>/invoices/<uuid:invoice_id>/pay", views.PayView.as_view(), name="invoice-pay"),
    path("members/<str:number>/invoices/<uuid:invoice_id>/refund", views.RefundView.as_view(), name="invoice-refund"),
    path("payments/<slug:slug>/<slug:provider>", views.NoticesView.as_view(), name="payment-notices"),
]
