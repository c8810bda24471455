# The service of milvise: docker build -t milvise . ; see docker-compose.yml for how it is run.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# OpenVINO and the ingest extra compute the vectors of uploaded pictures.
RUN python -m venv /opt/milvise \
 && /opt/milvise/bin/pip install --no-cache-dir '.[service,ingest,openvino,offline,redis,kafka,watch,remote]'

FROM python:3.12-slim
COPY --from=build /opt/milvise /opt/milvise
# A user without rights; what is kept between starts lies in one folder.
RUN useradd --uid 10001 --create-home milvise && mkdir /cache && chown milvise /cache
USER milvise
ENV PATH=/opt/milvise/bin:$PATH MILVISE_CACHE=/cache PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# Ctrl-C and docker stop let the requests that run come to their end.
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-m", "milvise"]
CMD ["serve", "--host", "0.0.0.0", "--api-keys", "/keys/milvise"]
