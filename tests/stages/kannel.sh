#!/usr/bin/env bash
# slow: Kannel's bearerbox and smsbox, an ESME that is not ours, sends a SIM update through the lab's carrier.
set -eu
if ! command -v bearerbox >/dev/null || ! command -v smsbox >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends kannel
fi
cargo build --workspace --all-targets --locked --quiet
data=$(mktemp -d)
"${CARGO_TARGET_DIR:-target}"/debug/kith lab --data "$data" --smpp-port 29875 --http-port 29880 >"$data/out" &
lab=$!
trap 'kill $lab; wait $lab || true; rm -rf "$data"' EXIT
until grep -q '^Phones' "$data/out"; do kill -0 $lab; done
python3 crates/lab/tests/peers/kannel_esme.py 127.0.0.1 29875 kith secret8
