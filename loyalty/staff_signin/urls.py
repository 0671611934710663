"""What of allauth is served: signing in, a new password, the second factor. Nobody signs up, and addresses are the admin's."""

from allauth.account import views as account
from django.contrib import admin
from django.urls import include, path, re_path

from loyalty.staff_signin.views import OwnPasswordView, StaffLoginView, invitation

urlpatterns = [
    path("login/", StaffLoginView.as_view(), name="account_login"),
    path("password_change/", admin.site.admin_view(OwnPasswordView.as_view()), name="staff_own_password"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/", account.password_reset, name="account_reset_password"),
    path("account/password/asked/", account.password_reset_done, name="account_reset_password_done"),
    path(
        "account/password/changed/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"
    ),
    re_path(
        r"^account/password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account/second-factor/", include("allauth.mfa.urls")),
    path("account/invitation/<path:token>/", invitation, name="staff_invitation"),
]
