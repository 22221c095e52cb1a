ARG BASE=python:3.12-slim
FROM ${BASE}
COPY site /opt/site
ENV PYTHONPATH=/opt/site PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN python3 -m compileall -q /opt/site
COPY trap.py /opt/trap.py
USER 65534:65534
ENTRYPOINT ["python3"]
