# syntax=docker/dockerfile:1
# The images of docker-compose.yml and deploy/kubernetes, one target each: token-service, auth-gateway, datastores-api.

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
RUN npm run build && find . -path ./node_modules -prune -o -name '*.tsbuildinfo' -exec rm {} +

# What each app needs at run time and nothing of the others. TypeScript comes as a peer of @nestjs/swagger, for a compiler plugin.
FROM node:26-trixie-slim AS token-service-dependencies
WORKDIR /app
COPY --from=manifests /app .
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --workspace=apps/token-service && \
    rm -rf node_modules/typescript

FROM node:26-trixie-slim AS auth-gateway-dependencies
WORKDIR /app
COPY --from=manifests /app .
# TypeORM too: the health checks could look at a database, which a gateway has none of.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --workspace=apps/auth-gateway && \
    rm -rf node_modules/typescript node_modules/typeorm node_modules/@nestjs/typeorm

FROM node:26-trixie-slim AS datastores-api-dependencies
WORKDIR /app
COPY --from=manifests /app .
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --workspace=examples/datastores-api && \
    rm -rf node_modules/typescript

FROM node:26-trixie-slim AS runtime
# Nothing is installed in here.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx
ENV NODE_ENV=production
WORKDIR /app
COPY deploy/healthcheck.mjs /usr/local/lib/portcullis/healthcheck.mjs
STOPSIGNAL SIGTERM

FROM runtime AS token-service
COPY --from=token-service-dependencies /app .
COPY --from=build /app/libs libs
COPY --from=build /app/apps/token-service/dist apps/token-service/dist
# Where the first start writes admin-password and admin-token: a volume that is mounted here is the user's who writes it.
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/portcullis
ENV PORTCULLIS_HOST=0.0.0.0 PORTCULLIS_BOOTSTRAP_DIR=/var/lib/portcullis
# By number: Kubernetes can't tell from a name that it isn't root.
USER 1000:1000
EXPOSE 3001 3002
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["node", "/usr/local/lib/portcullis/healthcheck.mjs", "3001"]
CMD ["node", "apps/token-service/dist/main.js"]

FROM runtime AS auth-gateway
COPY --from=auth-gateway-dependencies /app .
COPY --from=build /app/libs libs
COPY --from=build /app/apps/auth-gateway/dist apps/auth-gateway/dist
COPY --from=build /app/apps/console/dist apps/console/dist
ENV PORTCULLIS_HOST=0.0.0.0 PORTCULLIS_PORT=8443
USER 1000:1000
EXPOSE 8443
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["node", "/usr/local/lib/portcullis/healthcheck.mjs", "8443"]
CMD ["node", "apps/auth-gateway/dist/main.js"]

FROM runtime AS datastores-api
COPY --from=datastores-api-dependencies /app .
COPY --from=build /app/examples/datastores-api/dist examples/datastores-api/dist
ENV HOST=0.0.0.0 PORT=4001
USER 1000:1000
EXPOSE 4001
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s \
  CMD ["node", "/usr/local/lib/portcullis/healthcheck.mjs", "4001", "/healthz"]
CMD ["node", "examples/datastores-api/dist/main.js"]
