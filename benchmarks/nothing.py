"""A site of one REST framework view that does nothing: what a request costs before anything is done for it."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # which says how long an answer is
    SECRET_KEY="of nothing",  # noqa: S106 - it keeps none
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
application = get_wsgi_application()

from rest_framework.request import Request  # noqa: E402 - after the settings
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class NothingView(APIView):
    http_method_names = ["get", "post"]

    def get(self, _request: Request) -> Response:
        return Response({})

    def post(self, request: Request) -> Response:
        return Response({"fields": len(request.data)}, status=201)


urlpatterns = [path("health/ready", NothingView.as_view()), path("nothing", NothingView.as_view())]
