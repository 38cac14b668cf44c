#!/usr/bin/env bash
# slow: the pages in a real browser, one file of tests a face; axe (axe-core) finds nothing; pictures in target/screenshots.
set -eu
browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
install() {
  local sudo=; [ "$(id -u)" -eq 0 ] || sudo=sudo
  $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "$@"
}
command -v node >/dev/null && command -v npm >/dev/null || install nodejs npm
browser >/dev/null || install chromium
[ -n "$(fc-list :lang=zh-cn 2>/dev/null)" ] || install fontconfig fonts-noto-cjk
[ -d tests/browser/node_modules/playwright-core ] ||
  npm install --prefix tests/browser --no-package-lock --no-audit --no-fund --silent
cargo build --workspace --all-targets --locked --quiet
target=$(realpath "${CARGO_TARGET_DIR:-target}")
export KITH=$target/debug/kith CHROMIUM=$(browser) SHOTS=$PWD/target/screenshots
out=$(mktemp); trap 'rm -f "$out"' EXIT
ok=0; node --test --test-concurrency=1 --test-timeout=600000 --test-reporter=spec --test-reporter-destination=stdout tests/browser/*.mjs >"$out" 2>&1 || ok=1
cat "$out"
count() { grep -aoE "^ℹ $1 [0-9]+" "$out" | awk '{print $3}'; }
echo "test result: $([ $ok -eq 0 ] && echo ok || echo FAILED). $(count pass) passed; $(count fail) failed"
exit $ok
