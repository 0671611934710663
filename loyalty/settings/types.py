"""Settings for the type checker, which imports them and connects to nothing."""

import os

os.environ.setdefault("DATABASE_URL", "postgres://nobody@localhost/nothing")

from loyalty.settings.test import *  # noqa: F403 - after the variable that they read
