# Tells the Bootstead server how the install goes. report never fails; fail reports a reason and stops the install.
bootstead_events={{ events_url | shell }}
bootstead_token={{ token | shell }}

say() {
    echo "Bootstead: $1"
    { echo "Bootstead: $1" >/dev/console; } 2>/dev/null || :
}

form_value() {
    printf '%s' "$1" | tr '\n' ' ' | sed 's/%/%25/g; s/&/%26/g; s/+/%2B/g; s/=/%3D/g; s/;/%3B/g; s/ /+/g'
}

# A busybox without -T crashes on it.
quiet_wget() {
    case $(wget --help 2>&1) in
    *-T*) wget -q -t 2 -T 20 "$@" ;;
    *) wget -q -t 2 "$@" ;;
    esac
}

post_form() {
    if command -v curl >/dev/null 2>&1; then
        printf 'header = "Authorization: Bearer %s"\n' "$bootstead_token" |
            curl -fsS -m 20 -o /dev/null -K - --data-binary "$1" "$bootstead_events"
        return
    fi
    if command -v wget >/dev/null 2>&1; then
        quiet_wget -O /dev/null --header "Authorization: Bearer $bootstead_token" --post-data "$1" "$bootstead_events"
        return
    fi
    for python in python python3 python2 /usr/libexec/platform-python; do
        command -v "$python" >/dev/null 2>&1 || continue
        "$python" -c '
import socket, sys
try:
    from urllib2 import Request, urlopen
except ImportError:
    from urllib.request import Request, urlopen
url, token, form = sys.argv[1:]
if sys.version_info[0] > 2:
    form = form.encode("utf-8", "surrogateescape")
socket.setdefaulttimeout(20)
urlopen(Request(url, form, {"Authorization": "Bearer " + token})).read()
' "$bootstead_events" "$bootstead_token" "$1"
        return
    done
    return 127
}

report() {
    post_form "stage=$(form_value "$1")&detail=$(form_value "$2")" >/dev/null 2>&1 || say "could not report $1 to $bootstead_events"
    return 0
}

{% if honours_status %}
# The section has --erroronfail, so its exit status stops the installer.
stop_install() {
    exit 1
}
{% else %}
# This release's installer goes on whatever a script's exit status is, so the script stops it by never ending.
stop_install() {
    while :; do sleep 3600; done
}
{% endif %}

fail() {
    say "REFUSED: $1"
    report failed "$1"
    stop_install
}
