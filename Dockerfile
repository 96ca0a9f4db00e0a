# syntax=docker/dockerfile:1
# A class server in a container; explorer/OPERATIONS.md says how it is run.
#
#   docker build -t gpt-explorer .                                     for processors
#   docker build -t gpt-explorer --build-arg DEVICE=cuda .             for NVIDIA GPUs
#   docker build -t gpt-explorer --build-arg EXTRA=requirements-cluster.txt .     with Ray
#
# Nothing secret is copied: keys and passwords come in as variables or files when it runs.

ARG DEVICE=cpu

FROM python:3.12.11-slim-bookworm AS cpu-base

FROM nvidia/cuda:12.8.1-base-ubuntu24.04 AS cuda-base
# Ubuntu keeps no old versions of a package: one that is pinned stops to build within weeks.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && (userdel -r ubuntu || true)

FROM ${DEVICE}-base AS server
ARG DEVICE
ARG EXTRA=""
# Of the user who owns the mounted files (`id -u`), so that secrets stay readable for them alone.
ARG USER_ID=1000

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /app
COPY requirements*.txt ./
# On Linux the usual torch brings CUDA's libraries: for processors it comes from its own index.
# Authlib is what Streamlit signs accounts in with (OpenID Connect).
RUN python3 -m venv /opt/venv \
    && if [ "$DEVICE" = cpu ]; then \
        pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu \
            "$(grep '^torch==' requirements.txt)"; \
    fi \
    && pip install --no-cache-dir -r requirements.txt "Authlib>=1.3.2,<2" ${EXTRA:+-r "$EXTRA"}

COPY .streamlit/config.toml .streamlit/
COPY checkpoints/pretrained checkpoints/pretrained
COPY gpt gpt
COPY explorer explorer
COPY pages pages
COPY streamlit_app.py ./

RUN useradd --create-home --uid "$USER_ID" explorer \
    && install -d -o explorer -g explorer /data /data/runs /data/texts /data/cache
USER ${USER_ID}

ENV EXPLORER_CLASS=on \
    EXPLORER_RUNS=/data/runs \
    GPT_DATA=/data/texts \
    GPT_CACHE=/data/cache
VOLUME /data
EXPOSE 8501
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=30s --timeout=20s --start-period=60s --retries=3 \
    CMD ["python", "-m", "explorer.health", "--url", "http://127.0.0.1:8501"]

CMD ["streamlit", "run", "explorer/class_server.py", \
     "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
