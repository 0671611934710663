from django.urls import path

from loyalty.experiments.api import views

ONE = "experiments/<slug:code>"
urlpatterns = [
    path("experiments", views.ExperimentsView.as_view(), name="experiments"),
    path(ONE, views.ExperimentView.as_view(), name="experiment"),
    path(f"{ONE}/check", views.ExperimentCheckView.as_view(), name="experiment-check"),
    path(f"{ONE}/plan", views.ExperimentPlanView.as_view(), name="experiment-plan"),
    path(f"{ONE}/start", views.ExperimentStartView.as_view(), name="experiment-start"),
    path(f"{ONE}/end", views.ExperimentEndView.as_view(), name="experiment-end"),
    path(f"{ONE}/events", views.ExperimentEventsView.as_view(), name="experiment-events"),
    path(f"{ONE}/contamination", views.ContaminationView.as_view(), name="experiment-contamination"),
    path("customers/<path:external_id>/experiments", views.CustomerArmsView.as_view(), name="customer-experiments"),
]
