"""The site for a WSGI server (granian in the supervisor and the image)."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.prod")
application = get_wsgi_application()
