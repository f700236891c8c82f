#!/usr/bin/env bash
# Installs what the tests need and runs them all.
#   testnet/test.sh         everything, at most 40 minutes on an empty machine with 2 cores
#   testnet/test.sh --long  what takes longer: crashes, several nodes and hostile ones many times over, ten times the
#                           properties' cases, 1,000 simulated nodes, every run of three, and the benchmark of the exchange
# Needs Rust, Node.js 20 and Python 3.11. On Debian the rest is installed here (root or sudo).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

install_packages() {
  local missing=()
  for package in chromium fonts-noto-cjk iproute2 nftables; do
    dpkg --status "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || { echo "install ${missing[*]} by hand: this is no Debian" >&2; exit 1; }
  local root=()
  [ "$(id -u)" -eq 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# Installs locked npm packages unless the lock file's are there already.
npm_packages() {
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] || (cd "$1" && npm ci --no-audit --no-fund)
}

say "packages"
install_packages
npm_packages testnet

say "build"
cargo build --workspace --locked

say "format and lints"
cargo fmt --all --check
cargo clippy --workspace --all-targets --locked -- -D warnings
(cd web && npm run --silent check)

if [ "${1:-}" = --long ]; then
  say "properties, ten times the cases"
  PROPTEST_CASES=5000 cargo test --locked --package horahora-protocol --release
  for round in $(seq 1 10); do
    say "crashes, round $round of 10"
    cargo test --workspace --locked --test integration -- --test-threads=2 crash::
  done
  for round in $(seq 1 3); do
    say "several nodes and hostile ones, round $round of 3"
    cargo test --workspace --locked --test integration -- --test-threads=2 two_nodes:: hostile:: lan:: nat:: claims::
  done
  say "the spreading of entries among 1,000 nodes, simulated: well, under loss, after a partition, with everything"
  cargo build --workspace --locked --release
  for faults in "" "--loss 5" "--partition 60" "--loss 5 --partition 60 --crashes 50 --joins 5" "--heads buckets"; do
    # shellcheck disable=SC2086
    target/release/testnet sim sync --nodes 1000 $faults
  done
  say "1,000 nodes that share out 20,000 jobs, and every run of three nodes up to a bound"
  target/release/testnet sim claims-table --seeds 2 --large-seeds 1
  target/release/testnet sim model --workers 2 --crashes 0 --ends 0 --horizon-ms 1000
  target/release/testnet sim model --states 2000000
  say "twenty nodes on a network that fails"
  cargo test --workspace --locked --test integration -- --ignored mesh::
  say "a folder of 500 videos"
  cargo test --workspace --locked --test integration -- --ignored import::
  say "five nodes and a tag of 2,000 videos, a space of 300, a channel of 1,000, each of a site that sends eager guests away"
  cargo test --workspace --locked --test integration -- --ignored --test-threads=3 pooled::
  say "the exchange of blobs beside a plain copy"
  target/release/testnet bench exchange
  target/release/testnet bench sync
  target/release/testnet bench media
  target/release/testnet bench page
  say "done"
  exit 0
fi

say "tests"
cargo test --workspace --locked -- --test-threads=2
say "all green"
