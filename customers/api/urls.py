from django.urls import path

from customers.api import views

urlpatterns = [
    path("customers", views.CustomersView.as_view(), name="customers"),
    path("customers/<str:external_id>", views.CustomerView.as_view(), name="customer"),
    path("customers/<str:external_id>/consents", views.ConsentsView.as_view(), name="consents"),
]
