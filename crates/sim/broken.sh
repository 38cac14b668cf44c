#!/usr/bin/env bash
# Breaks a rule on purpose, one at a time, in a copy of the committed tree, and shows which seed finds it
# (docs/SIMULATION.md). `crates/sim/broken.sh fence` takes one rule only.
set -eu
cd "$(dirname "$0")/../.."
copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
git archive HEAD | tar -x -C "$copy"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/broken}
missed=0
for patch in crates/sim/broken/*"${1:-}"*.patch; do
  name=$(basename "$patch" .patch)
  patch -s -p1 -d "$copy" <"$patch"
  (cd "$copy" && cargo build -q -p sim 2>/dev/null)
  if found=$("$CARGO_TARGET_DIR/debug/sim" --seeds 300 --first); then
    echo "$name: NOT FOUND in 300 seeds"; missed=1
  else
    echo "$name: $(head -n 1 <<<"$found")"
  fi
  patch -s -R -p1 -d "$copy" <"$patch"
done
exit $missed
