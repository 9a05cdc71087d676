# One image for both roles and the command line: Node.js, our compiled source and the packages of the lock file.
#
#   docker build --tag YOUR_REGISTRY/migrate-io:0.1.0 \
#     --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#
# Where builds must be repeatable, pin both bases by digest: --build-arg BASE_IMAGE=gcr.io/distroless/…@sha256:…
# Behind a registry of your own: --secret id=npmrc,src="$HOME/.npmrc". It is there for that step only and in no layer.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build -- --outDir /app/dist

WORKDIR /app
COPY LICENSE package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci --omit=dev --ignore-scripts --no-audit --no-fund
# Node.js runs no TypeScript below node_modules: declarations, and the maps to sources, are 40 of 90 MB. The lock file was
# for npm. Modes are set, since a checkout may be readable by its owner only.
RUN find node_modules -type f '(' -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' ')' -exec rm '{}' + \
  && rm package-lock.json \
  && chmod -R u=rwX,go=rX /app

FROM ${BASE_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
ARG LICENSES=Apache-2.0
LABEL org.opencontainers.image.title="migrate-io" \
  org.opencontainers.image.description="Database migrations during a Kubernetes deploy: one annotation, once per revision, never two at once" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.licenses="${LICENSES}"
ENV NODE_ENV=production
COPY --from=build /app /app
WORKDIR /app
# A number, so that Kubernetes can tell that it isn't root.
USER 65532:65532
# The heap of each role is set where the memory of its container is: in the manifests, by NODE_OPTIONS. These can't be set there:
# the middle compiler, and compiling and collecting on other threads, take more than work as short as ours gets back (ADR 13).
ENTRYPOINT ["/nodejs/bin/node", "--no-maglev", "--no-concurrent-recompilation", "--no-parallel-scavenge", "/app/dist/main.js"]
CMD ["--help"]
