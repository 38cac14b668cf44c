#!/usr/bin/env bash
# slow: Kannel's drive_smpp, a scripted SMSC that is not ours, over a transmitter and a receiver, without receipts.
set -eu
drive=/usr/lib/kannel/test/drive_smpp
if [ ! -x "$drive" ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends kannel-extras
fi
KITH_DRIVE_SMPP=$drive cargo test --workspace --locked --quiet --test drive_smpp
