from django.urls import path

from loyalty.campaigns.api import surveys, views

urlpatterns = [
    path("me/messages", views.MyMessagesView.as_view(), name="my-messages"),
    path("me/messages/<uuid:message_id>/read", views.MyMessageReadView.as_view(), name="my-message-read"),
    path("me/preferences", views.MyPreferencesView.as_view(), name="my-preferences"),
    path("me/surveys", surveys.MySurveysView.as_view(), name="my-surveys"),
    path("me/surveys/<uuid:survey_id>", surveys.MySurveyView.as_view(), name="my-survey"),
    path("campaigns", views.CampaignsView.as_view(), name="campaigns"),
    path("campaigns/<slug:code>", views.CampaignView.as_view(), name="campaign"),
    path("campaigns/<slug:code>/pause", views.PauseView.as_view(), name="campaign-pause"),
    path("campaigns/<slug:code>/resume", views.ResumeView.as_view(), name="campaign-resume"),
    path("campaigns/<slug:code>/end", views.EndView.as_view(), name="campaign-end"),
    path("campaigns/<slug:code>/why/<path:external_id>", views.WhyView.as_view(), name="campaign-why"),
    path("receipts/<slug:slug>/<slug:channel>", views.ReceiptsView.as_view(), name="receipts"),
]
