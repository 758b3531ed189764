# syntax=docker/dockerfile:1
# The digest decides, and the tag says what it is. Dependabot brings new ones as pull requests.
FROM python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
COPY requirements-image.lock /src/
RUN python -I -m pip install --no-cache-dir --require-hashes -r /src/requirements-image.lock
COPY . /src
# What is installed holds ffmpeg with x264 and x265, which are under the GPL: its notice goes along.
RUN python -I -m pip install --no-cache-dir --no-deps --no-build-isolation /src \
 && install -D -m 644 /src/deploy/THIRD-PARTY.md /usr/share/doc/skywrite/THIRD-PARTY.md \
 && install -D -m 644 /src/LICENSE /usr/share/doc/skywrite/LICENSE \
 && rm -rf /src \
 && useradd --create-home skywrite \
 && install -d -o skywrite -m 700 /data
USER skywrite
ENV SKYWRITE_HOME=/data
VOLUME /data
EXPOSE 8080
# The worker lives and keeps up, and the server answers.
HEALTHCHECK --interval=1m --start-period=30s CMD skywrite doctor --run && \
  python -I -c "import urllib.request as web; web.urlopen('http://127.0.0.1:8080/healthz', timeout=5)"
STOPSIGNAL SIGTERM
ENTRYPOINT ["skywrite"]
# On all addresses of the container: it needs SKYWRITE_PUBLIC_URL, and a first key (`skywrite keys add`).
CMD ["serve", "--host", "0.0.0.0", "--log", "json"]
