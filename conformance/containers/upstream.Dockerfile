ARG BASE=python:3.12-slim
FROM ${BASE}
COPY site /opt/site
ENV PYTHONPATH=/opt/site PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m compileall -q /opt/site
USER 65534:65534
STOPSIGNAL SIGINT
ENTRYPOINT ["python3", "-m", "conformance.upstream.standalone"]
