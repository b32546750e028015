FROM debian:12-slim AS build
WORKDIR /src
COPY tools/packages tools/
RUN tools/packages build
COPY . .
RUN cmake --preset release && cmake --build --preset release --target leveret && strip build/release/leveret

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends librabbitmq4 libev4 libprotobuf-c1 liblmdb0 libssl3 libunbound8 libmicrohttpd12 \
		libjansson4 libfyaml0 libidn2-0 zlib1g libcurl4 ca-certificates tzdata && rm -rf /var/lib/apt/lists/* \
	&& useradd --system --uid 999 --home-dir /var/lib/leveret --create-home leveret
COPY --from=build /src/build/release/leveret /usr/bin/leveret
USER leveret
VOLUME /var/lib/leveret
EXPOSE 2525 9100
STOPSIGNAL SIGTERM
ENTRYPOINT ["leveret"]
CMD ["--help"]
