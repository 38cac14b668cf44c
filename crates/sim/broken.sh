#!/usr/bin/env bash
# Breaks a rule on purpose, one at a time, in a copy of the committed tree, and shows which seed finds it, and which of
# the scripts (docs/SIMULATION.md). `crates/sim/broken.sh fence` takes one rule only.
set -eu
cd "$(dirname "$0")/../.."
copy=${COPY:-$(mktemp -d)}
# A copy that is kept (COPY=folder) is not built anew every time.
[ -n "${COPY:-}" ] || trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy"; git archive HEAD | tar -x -C "$copy"
# What was broken in an earlier run is older now than what was built from it.
sed -n 's,^+++ b/,,p' crates/sim/broken/*.patch | (cd "$copy" && xargs touch)
# Never where the tree itself is built: cargo would take the one for the other.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/broken
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
  for script in crates/sim/scripts/*.txt; do
    "$CARGO_TARGET_DIR/debug/sim" --script "$script" >/dev/null || echo "$name: also $(basename "$script")"
  done
  patch -s -R -p1 -d "$copy" <"$patch"
done
exit $missed
