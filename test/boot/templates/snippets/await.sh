# await ADDRESS: until it answers. A guest's installer does, as soon as it has its network.
await() {
    attempt=0
    until ping -c 1 -W 1 "$1" >/dev/null 2>&1; do
        attempt=$((attempt + 1))
        [ "$attempt" -lt 300 ] || fail "$1 does not answer"
        sleep 1
    done
}
