from django.urls import path

from customers.api import products, views

urlpatterns = [
    path("products", products.ProductsView.as_view(), name="products"),
    path("products/batch", products.ProductBatchView.as_view(), name="products-batch"),
    path("customers", views.CustomersView.as_view(), name="customers"),
    path("customers/<path:external_id>/consents", views.ConsentsView.as_view(), name="consents"),
    path("customers/<path:external_id>", views.CustomerView.as_view(), name="customer"),
]
