FROM python:3.11-slim AS build
WORKDIR /build
# Also `stripe`, for who lets Stripe take the fees of plans: docker build --build-arg LOCK=stripe .
# And `push`, for who sends push messages to browsers.
ARG LOCK=base
COPY requirements/${LOCK}.lock .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r ${LOCK}.lock

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 loyalty
COPY --from=build /venv /venv
WORKDIR /app
COPY manage.py ./
COPY customers customers
COPY loyalty loyalty
COPY analytics analytics
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=loyalty.settings.prod
RUN SECRET_KEY=only-for-collecting-static-files-in-the-build ALLOWED_HOSTS=none BROKER_URL=redis://none \
    DATABASE_URL=postgres://none/none python manage.py collectstatic --noinput && mkdir media && chown -R loyalty staticfiles media
USER loyalty
EXPOSE 8000
HEALTHCHECK CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/live')"
CMD ["granian", "loyalty.wsgi:application", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--runtime-threads", "1", "--no-ws", "--respawn-failed-workers"]
