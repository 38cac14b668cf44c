#!/usr/bin/env bash
# slow: the commands of docs/POSTGRES.md, in order, as they stand, on a store that Kith made; a fail-over and a restore keep it.
set -eu
if [ "$(id -u)" -eq 0 ]; then
  # PostgreSQL refuses root. Built first, by whoever may.
  cargo build --workspace --all-targets --locked --quiet
  export KITH=$(realpath "${CARGO_TARGET_DIR:-target}/debug/kith")
  user=postgres; id -u $user >/dev/null 2>&1 || user=nobody
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cp "$KITH" docs/POSTGRES.md "$0" "$work"; chown -R $user "$work"
  ok=0
  setpriv --reuid=$user --regid="$(id -g $user)" --clear-groups env HOME="$work" KITH="$work/kith" DOC="$work/POSTGRES.md" \
    bash "$work/$(basename "$0")" || ok=1
  exit $ok
fi
# All the programs of one version, not those that somebody linked.
newest=$(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V | tail -n 1)
export PATH=${newest:+$newest:}$PATH
if [ -z "${KITH:-}" ]; then
  cargo build --workspace --all-targets --locked --quiet
  KITH=$(realpath "${CARGO_TARGET_DIR:-target}/debug/kith")
fi
doc=$(realpath "${DOC:-docs/POSTGRES.md}")
folder=$(mktemp -d)
cd "$folder"
export A=$folder/a B=$folder/b HOST_A=$folder/host-a HOST_B=$folder/host-b ARCHIVE=$folder/archive BACKUP=$folder/backup LC_ALL=C
mkdir "$HOST_A" "$HOST_B" "$ARCHIVE"
kith=
trap '[ -z "$kith" ] || kill $kith; for data in "$A" "$B"; do pg_ctl stop -s -m immediate -D "$data" || true; done; cd /; rm -rf "$folder"' EXIT

# The blocks, one a file.
awk -v out="$folder/block-" '/^```sh$/ { n++; on = 1; next } /^```$/ { on = 0 } on { print > (out sprintf("%02d", n)) }' "$doc"
run() { echo "-- block $1"; bash -euo pipefail -x "$folder/block-$1"; }

# A configuration for both servers, as the page says it; the hosts of an address are the folders.
encoded() { printf '%s' "$1" | sed 's|/|%2F|g'; }
cat >kith.toml <<TOML
[store]
path = "data"
url = "postgresql://kith@$(encoded "$HOST_A"),$(encoded "$HOST_B")/kith?target_session_attrs=read-write"
[listen]
public = "127.0.0.1:0"
lan = "127.0.0.1:0"
TOML
# kith_knows NAME: the store opens, every rule holds, and Mum's book has the friend.
kith_knows() {
  "$KITH" audit | grep -q 'every rule holds'
  "$KITH" book export +447700900101 | grep -q "FN:$1"
}

run 01 # set up
"$KITH" serve >said & kith=$!
until grep -q '^Portal' said; do kill -0 $kith; done
"$KITH" subscriber add --msisdn +447700900101 --name Mum
printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Ann\nTEL:07700 900123\nEND:VCARD\n' >ann.vcf
"$KITH" book import +447700900101 ann.vcf
kill $kith; wait $kith; kith=
run 02; run 03 # the standby
kith_knows Ann
run 04; run 05 # back-ups
printf 'BEGIN:VCARD\nVERSION:3.0\nFN:Zoe\nTEL:07700 900124\nEND:VCARD\n' >zoe.vcf
"$KITH" book import +447700900101 zoe.vcf
incarnation() { psql -h "$1" -U kith "$2" -Atc 'SELECT incarnation FROM store_state'; }
before=$(incarnation "$HOST_A" kith)
run 06 # restored, with what was archived since
[ "$(incarnation "$HOST_A" kith)" -gt "$before" ]
kith_knows Ann
kith_knows Zoe
run 07 # the dump: of before Zoe
[ "$(incarnation "$HOST_A" restored)" -gt "$before" ]
KITH_STORE_URL="postgresql://kith@$(encoded "$HOST_A")/restored" kith_knows Ann
run 08; run 03 # the standby anew
before=$(incarnation "$HOST_A" kith)
run 09 # fail-over
kith_knows Zoe
[ "$(incarnation "$HOST_B" kith)" -gt "$before" ]
run 10 # the old primary as the new standby
kith_knows Zoe
