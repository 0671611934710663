from django.urls import path

from loyalty.signin.api import views

urlpatterns = [
    path("signin/codes", views.CodesView.as_view(), name="signin-codes"),
    path("signin/confirm", views.ConfirmView.as_view(), name="signin-confirm"),
    path("me/token", views.MyTokenView.as_view(), name="my-token"),
    path("me/sessions", views.MySessionsView.as_view(), name="my-sessions"),
]
