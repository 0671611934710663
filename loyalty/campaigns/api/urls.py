from django.urls import path

from loyalty.campaigns.api import documents, offers, surveys, views

urlpatterns = [
    path("me/messages", views.MyMessagesView.as_view(), name="my-messages"),
    path("me/messages/<uuid:message_id>/read", views.MyMessageReadView.as_view(), name="my-message-read"),
    path("me/offers", offers.MyOffersView.as_view(), name="my-offers"),
    path("me/offers/<uuid:offer_id>/take", offers.MyOfferTakeView.as_view(), name="my-offer-take"),
    path("me/offers/<uuid:offer_id>/decline", offers.MyOfferDeclineView.as_view(), name="my-offer-decline"),
    path("members/<str:number>/offers", offers.MemberOffersView.as_view(), name="member-offers"),
    path(
        "members/<str:number>/offers/<uuid:offer_id>/take",
        offers.MemberOfferTakeView.as_view(),
        name="member-offer-take",
    ),
    path("offers", offers.OffersView.as_view(), name="offers"),
    path("offers/<slug:code>", offers.OfferView.as_view(), name="offer"),
    path("offers/<slug:code>/grants", offers.OfferGrantsView.as_view(), name="offer-grants"),
    path("me/preferences", views.MyPreferencesView.as_view(), name="my-preferences"),
    path("me/surveys", surveys.MySurveysView.as_view(), name="my-surveys"),
    path("me/surveys/<uuid:survey_id>", surveys.MySurveyView.as_view(), name="my-survey"),
    path("campaigns", views.CampaignsView.as_view(), name="campaigns"),
    path("campaigns/<slug:code>", views.CampaignView.as_view(), name="campaign"),
    path("campaigns/<slug:code>/pause", views.PauseView.as_view(), name="campaign-pause"),
    path("campaigns/<slug:code>/resume", views.ResumeView.as_view(), name="campaign-resume"),
    path("campaigns/<slug:code>/end", views.EndView.as_view(), name="campaign-end"),
    path("campaigns/<slug:code>/why/<path:external_id>", views.WhyView.as_view(), name="campaign-why"),
    path("campaigns/<slug:code>/document", documents.CampaignDocumentView.as_view(), name="campaign-document"),
    path("campaigns/<slug:code>/start", documents.CampaignStartView.as_view(), name="campaign-start"),
    path("campaigns/<slug:code>/move", documents.CampaignMoveView.as_view(), name="campaign-move"),
    path("campaign-documents/schema", documents.CampaignSchemaView.as_view(), name="campaign-schema"),
    path("campaign-documents/check", documents.CampaignCheckView.as_view(), name="campaign-check"),
    path("campaign-documents/plan", documents.CampaignPlanView.as_view(), name="campaign-plan"),
    path("campaign-documents/apply", documents.CampaignApplyView.as_view(), name="campaign-apply"),
    path("campaign-templates", documents.ReadyMadesView.as_view(), name="campaign-templates"),
    path("campaign-templates/<slug:name>", documents.ReadyMadeView.as_view(), name="campaign-template"),
    path("receipts/<slug:slug>/<slug:channel>", views.ReceiptsView.as_view(), name="receipts"),
]
