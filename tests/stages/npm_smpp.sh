#!/usr/bin/env bash
# slow: npm `smpp`, an SMSC that is not ours, takes 300 messages of our client, with receipts in several forms.
set -eu
tools=$PWD/.tools/npm_smpp
command -v npm >/dev/null || { apt-get update -qq; apt-get install -y -qq --no-install-recommends nodejs npm; }
[ -d "$tools/node_modules/smpp" ] || npm install --silent --prefix "$tools" smpp@0.5
cargo build --workspace --all-targets --locked --quiet
out=$(mktemp)
NODE_PATH=$tools/node_modules node crates/lab/tests/peers/npm_smsc.js 300 >"$out" &
smsc=$!
trap 'kill $smsc 2>/dev/null || true; rm -f "$out"' EXIT
until grep -q '^[0-9]' "$out"; do kill -0 $smsc; done
"${CARGO_TARGET_DIR:-target}"/debug/bench smpp 127.0.0.1 "$(head -n 1 "$out")" 300 10
ok=0; wait $smsc || ok=1
cat "$out"
exit $ok
