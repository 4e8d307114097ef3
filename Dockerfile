# docker build -t prelude-profile-mcp .
# docker run --rm -i -e PRELUDE_API_KEY_FILE=/run/secrets/prelude_api_key \
#   -v "$PWD/prelude_api_key:/run/secrets/prelude_api_key:ro" prelude-profile-mcp
# The key file must be readable by user 65532.

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:24-slim
COPY LICENSE /app/
COPY --from=build /build/dist /app
USER 65532:65532
ENTRYPOINT ["node", "/app/prelude-profile-mcp.cjs"]
