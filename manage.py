#!/usr/bin/env python
"""Django's command line; `python manage.py help` lists the commands."""

import os
import signal
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

from customers.core.collecting import collect_rarely

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.dev")
    collect_rarely()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"The database that DATABASE_URL names failed: {error}")
    except KeyboardInterrupt:
        if "--traceback" in sys.argv:
            raise
        sys.exit(128 + signal.SIGINT)
