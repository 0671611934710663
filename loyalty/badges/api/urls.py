from django.urls import path

from loyalty.badges.api import views

urlpatterns = [
    path("me/challenges", views.MyChallengesView.as_view(), name="my-challenges"),
    path("me/challenges/<slug:slug>/<slug:code>/join", views.MyChallengeJoinView.as_view(), name="my-challenge-join"),
    path("me/badges", views.MyBadgesView.as_view(), name="my-badges"),
    path("me/boards", views.MyBoardsView.as_view(), name="my-boards"),
    path("me/boards/<slug:slug>/<slug:code>", views.MyBoardView.as_view(), name="my-board"),
    path("me/boards/<slug:slug>/<slug:code>/join", views.MyBoardJoinView.as_view(), name="my-board-join"),
    path("me/boards/<slug:slug>/<slug:code>/leave", views.MyBoardLeaveView.as_view(), name="my-board-leave"),
    path("members/<str:number>/challenges", views.MemberChallengesView.as_view(), name="member-challenges"),
    path(
        "members/<str:number>/challenges/<slug:code>/join",
        views.MemberChallengeJoinView.as_view(),
        name="member-challenge-join",
    ),
    path("members/<str:number>/badges", views.MemberBadgesView.as_view(), name="member-badges"),
    path("members/<str:number>/boards/<slug:code>/join", views.MemberBoardJoinView.as_view(), name="member-board-join"),
    path("programs/<slug:slug>/boards/<slug:code>", views.BoardView.as_view(), name="board"),
]
