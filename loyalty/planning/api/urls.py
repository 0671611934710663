from django.urls import path

from loyalty.planning.api import views

VERSION = "programs/<slug:slug>/versions/<int:number>"
urlpatterns = [
    path("programs", views.ProgramsView.as_view(), name="programs"),
    path("program-schema", views.SchemaView.as_view(), name="program-schema"),
    path("programs/<slug:slug>", views.ProgramDetailView.as_view(), name="program"),
    path("programs/<slug:slug>/events", views.EventsView.as_view(), name="program-events"),
    path("programs/<slug:slug>/matches", views.MatchesView.as_view(), name="program-matches"),
    path("programs/<slug:slug>/versions", views.VersionsView.as_view(), name="versions"),
    path(VERSION, views.VersionView.as_view(), name="version"),
    path(f"{VERSION}/check", views.CheckView.as_view(), name="version-check"),
    path(f"{VERSION}/plan", views.PlanView.as_view(), name="version-plan"),
    path(f"{VERSION}/compare/<int:other>", views.CompareView.as_view(), name="version-compare"),
    path(f"{VERSION}/propose", views.ProposeView.as_view(), name="version-propose"),
    path(f"{VERSION}/publish", views.PublishView.as_view(), name="version-publish"),
    path(f"{VERSION}/withdraw", views.WithdrawView.as_view(), name="version-withdraw"),
    path("programs/<slug:slug>/simulations", views.SimulationsView.as_view(), name="simulations"),
    path("programs/<slug:slug>/simulations/<int:simulation_id>", views.SimulationView.as_view(), name="simulation"),
]
