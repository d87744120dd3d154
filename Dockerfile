# The same images as hack/images makes, for those who have a container engine:
#
#   docker build --target operator -t REGISTRY/modelrun-operator:TAG .
#   docker build --target gateway  -t REGISTRY/modelrun-gateway:TAG .
#   docker build --target agent    -t REGISTRY/modelrun-agent:TAG .
#   docker build --target python   -t REGISTRY/modelrun-python:TAG .
#
# The programs are compiled, and the root directories made, by the project's own scripts. The python target needs a
# builder that may use chroot and mount (docker build --security-opt, or buildah as root); elsewhere use hack/images.

FROM debian:12 AS build
WORKDIR /src
COPY hack/lib.sh hack/install-deps hack/
RUN hack/install-deps build runtime && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY src src
RUN cmake --preset release -D MODELRUN_BUILD_TESTS=OFF && cmake --build --preset release
COPY images images
RUN images/rootfs agent /root-agent && images/rootfs operator /root-operator && \
    if [ -x build/release/bin/modelrun-gateway ]; then images/rootfs gateway /root-gateway; else mkdir /root-gateway; fi

FROM debian:12 AS build-python
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends debootstrap && rm -rf /var/lib/apt/lists/*
COPY images images
RUN images/rootfs python /root-python

FROM scratch AS agent
COPY --from=build /root-agent /
ENV PATH=/usr/local/bin:/usr/bin:/bin
USER 65532:65532
ENTRYPOINT ["/modelrun-sandbox"]

FROM scratch AS gateway
COPY --from=build /root-gateway /
ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/bin/modelrun-gateway"]

FROM scratch AS python
COPY --from=build-python /root-python /
ENV PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME=/tmp
USER 65532:65532

FROM scratch AS operator
COPY --from=build /root-operator /
ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/bin/modelrun-operator"]
