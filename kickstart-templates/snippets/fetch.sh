# fetch URL FILE: whole or not at all, tried for five minutes.
fetch() {
    attempt=0
    until fetch_once "$1" "$2.new" && [ -s "$2.new" ] && mv -f "$2.new" "$2"; do
        attempt=$((attempt + 1))
        [ "$attempt" -lt 30 ] || fail "could not fetch $1"
        sleep 10
    done
}

fetch_once() {
    if command -v curl >/dev/null 2>&1; then
        curl -fsS -m 60 -o "$2" "$1"
    else
        quiet_wget -O "$2" "$1"
    fi
}
