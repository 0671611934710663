from django.urls import path

from loyalty.badges.api import views, winnings

urlpatterns = [
    path("me/challenges", views.MyChallengesView.as_view(), name="my-challenges"),
    path("me/challenges/<slug:slug>/<slug:code>/join", views.MyChallengeJoinView.as_view(), name="my-challenge-join"),
    path("me/badges", views.MyBadgesView.as_view(), name="my-badges"),
    path("me/boards", views.MyBoardsView.as_view(), name="my-boards"),
    path("me/boards/<slug:slug>/<slug:code>", views.MyBoardView.as_view(), name="my-board"),
    path("me/boards/<slug:slug>/<slug:code>/join", views.MyBoardJoinView.as_view(), name="my-board-join"),
    path("me/boards/<slug:slug>/<slug:code>/leave", views.MyBoardLeaveView.as_view(), name="my-board-leave"),
    path("me/contests", winnings.MyContestsView.as_view(), name="my-contests"),
    path("me/surprises", winnings.MySurprisesView.as_view(), name="my-surprises"),
    path("members/<str:number>/challenges", views.MemberChallengesView.as_view(), name="member-challenges"),
    path(
        "members/<str:number>/challenges/<slug:code>/join",
        views.MemberChallengeJoinView.as_view(),
        name="member-challenge-join",
    ),
    path("members/<str:number>/badges", views.MemberBadgesView.as_view(), name="member-badges"),
    path("members/<str:number>/badges/<slug:code>/give", views.MemberBadgeGiveView.as_view(), name="member-badge-give"),
    path("members/<str:number>/badges/<slug:code>/take", views.MemberBadgeTakeView.as_view(), name="member-badge-take"),
    path("members/<str:number>/boards/<slug:code>/join", views.MemberBoardJoinView.as_view(), name="member-board-join"),
    path("members/<str:number>/contests", winnings.MemberContestsView.as_view(), name="member-contests"),
    path("members/<str:number>/surprises", winnings.MemberSurprisesView.as_view(), name="member-surprises"),
    path("programs/<slug:slug>/surprises", winnings.SurprisesView.as_view(), name="surprises"),
    path("programs/<slug:slug>/surprises/<slug:code>", winnings.SurpriseView.as_view(), name="surprise"),
    path("programs/<slug:slug>/surprises/<slug:code>/draw", winnings.SurpriseDrawView.as_view(), name="surprise-draw"),
    path("programs/<slug:slug>/boards/<slug:code>", views.BoardView.as_view(), name="board"),
]
