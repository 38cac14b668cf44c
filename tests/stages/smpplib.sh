#!/usr/bin/env bash
# slow: smpplib (PyPI), an ESME that is not ours, binds to the lab's carrier, submits, and awaits the receipt.
set -eu
tools=$PWD/.tools/smpplib
[ -x "$tools/bin/python" ] || python3 -m venv "$tools"
"$tools/bin/python" -c 'import smpplib' 2>/dev/null || "$tools/bin/pip" install --quiet smpplib
cargo build --workspace --all-targets --locked --quiet
data=$(mktemp -d)
"${CARGO_TARGET_DIR:-target}"/debug/kith lab --data "$data" --smpp-port 29775 --http-port 29780 >"$data/out" &
lab=$!
trap 'kill $lab; wait $lab || true; rm -rf "$data"' EXIT
until grep -q '^Phones' "$data/out"; do kill -0 $lab; done
"$tools/bin/python" crates/lab/tests/peers/smpplib_esme.py 127.0.0.1 29775 kith secret8
