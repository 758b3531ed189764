FROM python:3.13-slim
ARG EXTRAS=postgres,video,langs,metrics
COPY . /src
RUN pip install --no-cache-dir "/src[$EXTRAS]" \
 && rm -rf /src \
 && useradd --create-home skywrite \
 && install -d -o skywrite /data
USER skywrite
ENV SKYWRITE_HOME=/data
VOLUME /data
HEALTHCHECK --interval=1m CMD ["skywrite", "doctor", "--run"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["skywrite"]
CMD ["run", "--log", "json"]
