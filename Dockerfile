# Two stages: wheels are made where pip is, and the image that runs has neither pip's cache nor a compiler.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/dev/core.lock deploy/dev/core.lock
RUN python -m venv /opt/rackproof \
 && /opt/rackproof/bin/pip install --no-cache-dir --require-hashes -r deploy/dev/core.lock
COPY pyproject.toml README.md LICENSE ./
COPY agent agent
COPY collectors collectors
COPY deploy deploy
RUN /opt/rackproof/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM ${BASE}
LABEL org.opencontainers.image.title="rackproof" \
      org.opencontainers.image.description="Is this AI rack built to its design?" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/rackproof /opt/rackproof
ENV PATH=/opt/rackproof/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /etc/rackproof
VOLUME ["/var/lib/rackproof"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:9108/-/healthy', timeout=2)"]
ENTRYPOINT ["rackproof"]
CMD ["run", "/etc/rackproof/floor.yaml"]
