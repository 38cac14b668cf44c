#!/usr/bin/env bash
# slow: tshark, a dissector that is not ours, reads a capture of the demo's SMPP while a friend is added and arrives.
set -eu
if ! command -v tshark >/dev/null || ! command -v dumpcap >/dev/null || ! command -v python3 >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tshark python3
fi
cargo build --workspace --all-targets --locked --quiet
first=29970
smpp=$((first + 2)) # the carrier's port, as `kith demo` counts them
data=$(mktemp -d)
dumpcap -q -i lo -f "tcp port $smpp" -w "$data/capture.pcapng" 2>"$data/dumpcap" &
capture=$! demo=
trap 'kill $demo $capture 2>/dev/null || true; wait; rm -rf "$data"' EXIT
until grep -q '^File:' "$data/dumpcap"; do kill -0 $capture || { cat "$data/dumpcap"; exit 1; }; done

"${CARGO_TARGET_DIR:-target}"/debug/kith demo --port $first --data "$data/demo" >"$data/out" &
demo=$!
until [ -e "$data/demo/demo.json" ]; do kill -0 $demo; done
python3 - "$data/demo/demo.json" <<'PYTHON'
import json, sys, time, urllib.request

demo = json.load(open(sys.argv[1]))
mum = next(subscriber for subscriber in demo["subscribers"] if subscriber["name"] == "Mum")

def call(url, body=None):
    headers = {"Authorization": "Bearer " + demo["api"]["token"], "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(url, data, headers)))

friend = {"name": "Dr Okafor 王", "numbers": [{"number": "07700 900456"}]}
call(f"{demo['api']['url']}/subscribers/{mum['id']}/friends", friend)
limit = time.monotonic() + 30
while friend["name"] not in [entry["name"] for entry in call(f"{demo['lab']['url']}/handsets/{mum['msisdn']}")["phone_book"]]:
    assert time.monotonic() < limit, "the friend did not arrive on the drawn phone"
PYTHON
kill $demo
wait $demo || true

read_capture() { tshark -n -r "$data/capture.pcapng" -d "tcp.port==$smpp,smpp" "$@"; }
# The last word is the farewell; dumpcap writes a moment later.
for _ in $(seq 20); do
  [ -z "$(read_capture -Y 'smpp.command_id == 0x80000006')" ] || break
done
wrong=$(read_capture -Y '_ws.malformed || smpp.command_status > 0 || _ws.unreassembled')
[ -z "$wrong" ] || { echo "tshark finds fault with:"; echo "$wrong"; exit 1; }
seen=$(read_capture -Y smpp -T fields -E occurrence=a -E aggregator=/s -e smpp.command_id | tr ' ' '\n' | sort | uniq -c)
echo "$seen"
# bind_transceiver, submit_sm, deliver_sm and unbind, each with its answer.
for command in 9 4 5 6; do
  for id in 0x0000000$command 0x8000000$command; do
    grep -q " $id\$" <<<"$seen" || { echo "no PDU $id in the capture"; exit 1; }
  done
done
