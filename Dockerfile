# syntax=docker/dockerfile:1
# The image holds the binary, the libraries it is linked to and the certificates of authorities; no shell, no
# package manager. `docker build --build-arg REVISION=$(git rev-parse HEAD) --tag quartermaster:0.1.0 .`
FROM rust:1.95-bookworm AS build
# The base image pins the release; security updates are wanted.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libclang-dev libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ARG REVISION=unknown
ARG SOURCE_DATE_EPOCH=0
ENV CARGO_TARGET_DIR=/build QUARTERMASTER_REVISION=$REVISION SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH
# RocksDB takes 10 to 15 minutes the first time; the cache keeps it.
RUN --mount=type=cache,target=/build --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --release --locked --bin quartermaster \
        --config "target.'cfg(all())'.rustflags=['--remap-path-prefix=/src=quartermaster']" \
    && scripts/image-rootfs.sh /build/release/quartermaster /rootfs

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="quartermaster" \
      org.opencontainers.image.description="Watches a retailer's stock: changes in, positions and alerts out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /rootfs /
# A named volume begins with the owner of the directory it covers.
COPY --from=build --chown=65532:65532 /rootfs/var/lib/quartermaster /var/lib/quartermaster
USER 65532:65532
EXPOSE 9090
ENTRYPOINT ["/usr/bin/quartermaster"]
CMD ["--help"]
