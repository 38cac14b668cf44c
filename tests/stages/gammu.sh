#!/usr/bin/env bash
# slow: gammu, a phone manager that is not ours, reads our business cards out of the messages that carry them.
set -eu
if ! /usr/bin/python3 -c 'import gammu' 2>/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-gammu
fi
cargo build --workspace --all-targets --locked --quiet
# Debian's own Python has Debian's gammu.
/usr/bin/python3 tests/stages/gammu_reads.py "${CARGO_TARGET_DIR:-target}/debug/kith"
