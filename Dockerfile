# The static binary and nothing else: roots, zones and knowledge are compiled in.
#   docker build -t cfdoctor .
#   docker run --rm cfdoctor lambda.example.com
#   docker run --rm -v "$PWD:/work:ro" -w /work cfdoctor lint plan.json
FROM rust:1-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /source
COPY . .
# Rust links statically on musl by default.
RUN cargo build --release --locked --bin cfdoctor && cp target/release/cfdoctor /cfdoctor

FROM scratch
COPY --from=build /cfdoctor /cfdoctor
USER 65534:65534
ENTRYPOINT ["/cfdoctor"]
