# syntax=docker/dockerfile:1
# The images of docker-compose.yml, one target each: token-service, auth-gateway, datastores-api.

FROM node:26-trixie-slim AS manifests
WORKDIR /app
COPY . /source
# The manifests alone, so that the layers with the dependencies last until one of them changes.
RUN cp /source/package.json /source/package-lock.json . && cd /source && \
    find apps libs examples -name package.json -exec cp --parents {} /app/ \;

FROM node:26-trixie-slim AS build
WORKDIR /app
COPY --from=manifests /app .
RUN npm ci --include=dev --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.base.json ./
COPY libs libs
COPY apps apps
COPY examples examples
RUN npm run build && find . -path ./node_modules -prune -o -name .tsbuildinfo -exec rm {} +

FROM node:26-trixie-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app .
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:26-trixie-slim AS runtime
ENV NODE_ENV=production PORTCULLIS_HOST=0.0.0.0
WORKDIR /app
COPY deploy/entrypoint.sh /usr/local/bin/portcullis-entrypoint
COPY --from=dependencies /app .
COPY --from=build /app/libs libs
ENTRYPOINT ["portcullis-entrypoint"]
STOPSIGNAL SIGTERM

FROM runtime AS token-service
COPY --from=build /app/apps/token-service/dist apps/token-service/dist
# Where the first start writes admin-password and admin-token: a volume that is mounted here is the user's who writes it.
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/portcullis
ENV PORTCULLIS_BOOTSTRAP_DIR=/var/lib/portcullis
USER node
EXPOSE 3001 3002
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3001/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/token-service/dist/main.js"]

FROM runtime AS auth-gateway
COPY --from=build /app/apps/auth-gateway/dist apps/auth-gateway/dist
COPY --from=build /app/apps/console/dist apps/console/dist
ENV PORTCULLIS_PORT=8080
USER node
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/livez').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "apps/auth-gateway/dist/main.js"]

FROM runtime AS datastores-api
COPY --from=build /app/examples/datastores-api/dist examples/datastores-api/dist
ENV HOST=0.0.0.0 PORT=4001
USER node
EXPOSE 4001
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4001/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "examples/datastores-api/dist/main.js"]
