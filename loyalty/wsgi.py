"""The site for a WSGI server (granian in the supervisor and the image)."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from customers.core.collecting import collect_rarely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.prod")
os.environ.setdefault("LOYALTY_PROCESS", "web")
collect_rarely()
application = get_wsgi_application()
# What is loaded stays: looking for garbage in it, again and again, costs some percent of each request.
gc.freeze()
