# The static binary and nothing else: roots, zones and knowledge are compiled in.
#   docker build -t cfdoctor .
#   docker run --rm cfdoctor lambda.example.com
#   docker run --rm -v "$PWD:/work:ro" -w /work cfdoctor lint plan.json
FROM rust:1.95-alpine AS build
RUN apk add --no-cache bash build-base
WORKDIR /source
COPY . .
# The recipe of a release; the host's own target is musl here, and static. The bill of materials is made outside.
ARG SOURCE_DATE_EPOCH=0
RUN SBOM=no release/build

FROM scratch
COPY --from=build /source/release/out/cfdoctor /cfdoctor
USER 65534:65534
ENTRYPOINT ["/cfdoctor"]
