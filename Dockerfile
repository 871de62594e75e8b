# Python 3.13.15 on Debian 13. A newer digest: docker buildx imagetools inspect python:3.13-slim
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS builder
WORKDIR /app
COPY requirements.lock ./
# The base's pip installs into the environment, which gets none of its own.
RUN python -m venv --without-pip /venv && python -m pip --python /venv/bin/python install --require-hashes -r requirements.lock

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
WORKDIR /app
COPY --from=builder /venv /venv
COPY app/ app/
COPY schemas/ schemas/
COPY clients/js/src/ clients/js/src/
COPY clients/python/structured_streams/ clients/python/structured_streams/
# ALLOW_OPEN: a container is reached from outside of it or not at all, and only through the ports
# that are published. Without API_KEYS it serves whoever comes through these, and warns of it.
ENV PATH="/venv/bin:$PATH" \
    HOST=0.0.0.0 \
    ALLOW_OPEN=true \
    PORT=8000 \
    LOG_FORMAT=json \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A number, so that an orchestrator can see that it isn't root. Nothing is written at run time:
# the root file system may be read-only.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Straight to ourselves, past any HTTP_PROXY.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=2)"]
CMD ["python", "-m", "app"]
