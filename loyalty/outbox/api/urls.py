from django.urls import path

from loyalty.outbox.api import deliveries, views

ONE = "webhooks/<uuid:webhook_id>"
urlpatterns = [
    path("webhooks", views.WebhooksView.as_view(), name="webhooks"),
    path(ONE, views.WebhookView.as_view(), name="webhook"),
    path(f"{ONE}/rotate", views.RotationView.as_view(), name="webhook-rotate"),
    path(f"{ONE}/test", views.TrialView.as_view(), name="webhook-test"),
    path(f"{ONE}/resend", deliveries.ResendAllView.as_view(), name="webhook-resend"),
    path(f"{ONE}/deliveries", deliveries.DeliveriesView.as_view(), name="webhook-deliveries"),
    path(f"{ONE}/deliveries/<uuid:event_id>", deliveries.DeliveryView.as_view(), name="webhook-delivery"),
    path(f"{ONE}/deliveries/<uuid:event_id>/resend", deliveries.ResendView.as_view(), name="webhook-delivery-resend"),
]
