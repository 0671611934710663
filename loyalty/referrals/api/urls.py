from django.urls import path

from loyalty.referrals.api import views

urlpatterns = [
    path("me/referrals", views.MyReferralsView.as_view(), name="my-referrals"),
    path("me/referrals/<slug:slug>/qr.svg", views.MyQrView.as_view(), name="my-referral-qr"),
    path("me/referrals/<slug:slug>/friends", views.MyFriendsView.as_view(), name="my-referral-friends"),
    path("me/referrals/<slug:slug>/claim", views.MyClaimView.as_view(), name="my-referral-claim"),
    path("members/<str:number>/referrals", views.MemberReferralsView.as_view(), name="member-referrals"),
    path("members/<str:number>/referrals/claim", views.MemberClaimView.as_view(), name="member-referral-claim"),
    path("members/<str:number>/signals", views.MemberSignalsView.as_view(), name="member-signals"),
    path("referrals", views.ReferralsView.as_view(), name="referrals"),
    path("referrals/<uuid:referral_id>", views.ReferralView.as_view(), name="referral"),
    path("referrals/<uuid:referral_id>/review", views.ReviewView.as_view(), name="referral-review"),
]
