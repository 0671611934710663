from django.urls import path

from analytics.api import depths, experiments, kpis, paths, recommendations, roll_outs, uplift, views, what_pays

urlpatterns = [
    path("analytics/values", views.ValuesView.as_view(), name="values"),
    path("analytics/values/file", views.ValuesFileView.as_view(), name="values-file"),
    path("analytics/customers/<path:external_id>", views.CustomerValueView.as_view(), name="customer-value"),
    path("analytics/kpis", kpis.KpisView.as_view(), name="kpis"),
    path("analytics/funnels", paths.FunnelsView.as_view(), name="funnels"),
    path("analytics/funnels/<slug:code>", paths.FunnelView.as_view(), name="funnel"),
    path("analytics/journey-map", paths.JourneyMapView.as_view(), name="journey-map"),
    path("analytics/products", what_pays.ProductReturnsView.as_view(), name="product-returns"),
    path("analytics/moments", what_pays.MomentsView.as_view(), name="moments"),
    path("analytics/season", what_pays.SeasonView.as_view(), name="season"),
    path("analytics/campaigns", what_pays.CampaignReturnsView.as_view(), name="campaign-returns"),
    path("analytics/customers-won", what_pays.CustomersWonView.as_view(), name="customers-won"),
    path("analytics/runs", views.RunsView.as_view(), name="value-runs"),
    path("analytics/runs/<int:run_id>", views.RunView.as_view(), name="value-run"),
    path("analytics/uplift", uplift.UpliftsView.as_view(), name="uplift-runs"),
    path("analytics/uplift/<int:uplift_id>", uplift.UpliftView.as_view(), name="uplift-run"),
    path("analytics/uplift/<int:uplift_id>/cancel", uplift.CancelUpliftView.as_view(), name="uplift-run-cancel"),
    path("analytics/recommendations", recommendations.RunsView.as_view(), name="recommendation-runs"),
    path("analytics/recommendations/<int:run_id>", recommendations.RunView.as_view(), name="recommendation-run"),
    path("analytics/roll-outs", roll_outs.RollOutsView.as_view(), name="roll-outs"),
    path("analytics/roll-outs/<int:roll_out_id>", roll_outs.RollOutView.as_view(), name="roll-out"),
    path("analytics/stores", roll_outs.RollOutStoresView.as_view(), name="roll-out-stores"),
    path("analytics/experiments/<slug:code>/looks", experiments.LooksView.as_view(), name="experiment-looks"),
    path(
        "analytics/experiments/<slug:code>/near-misses",
        experiments.NearMissesView.as_view(),
        name="experiment-near-misses",
    ),
    path("analytics/experiments/<slug:code>/depths", depths.DepthsView.as_view(), name="experiment-depths"),
    path("analytics/experiments/<slug:code>/depths/kept", depths.PromiseView.as_view(), name="experiment-depths-kept"),
    path(
        "analytics/experiments/<slug:code>/depths/offers",
        depths.DepthOffersView.as_view(),
        name="experiment-depth-offers",
    ),
    path(
        "analytics/experiments/<slug:code>/detectable", experiments.ForecastView.as_view(), name="experiment-detectable"
    ),
]
