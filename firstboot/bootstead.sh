#!/bin/sh
# Sourced by the scripts beside it. Afterwards the values of firstboot.conf are set and checked, and what the scripts
# share is defined: requests to the server with this Dom0's token, locks, and the hypervisor's tools.
# shellcheck disable=SC2034 # what is set here is used by the scripts
set -eu
umask 077
LC_ALL=C
export LC_ALL

root=${BOOTSTEAD_ROOT:-}
conf=$root/etc/bootstead/firstboot.conf
sbin=$root/usr/local/sbin
xen_folder=$root/etc/xen
state_folder=$root/var/lib/bootstead
boot_folder=$state_folder/boot
log_folder=$root/var/log/bootstead
# What xenconf wrote, one a line: xen/GUEST, xen/GUEST_install, boot/IMAGE/FILE.
written=$state_folder/xenconf.manifest
poll_seconds=${BOOTSTEAD_POLL_SECONDS:-5}
# The exit status (and the status of request) when the server can't be reached: worth another try. EX_TEMPFAIL of sysexits.h.
away=75
[ -n "$root" ] || PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

complain() {
    printf '%s: %s\n' "${self:-${0##*/}}" "$1" >&2
}

die() {
    complain "$1"
    exit 1
}

# Not holding a lock that this script has: whoever is killed while it sleeps leaves the lock at once.
pause() {
    sleep "$poll_seconds" 9>&-
}

prepare() {
    [ -r "$conf" ] || die "$conf can't be read: the installer of a Dom0 writes it, and only root may read it"
    # shellcheck source=/dev/null
    . "$conf"
    BOOTSTEAD_SERVER=${BOOTSTEAD_SERVER:-}
    BOOTSTEAD_SERVER=${BOOTSTEAD_SERVER%/}
    case $BOOTSTEAD_SERVER in
    http://?* | https://?*) ;;
    *) die "$conf: BOOTSTEAD_SERVER is no http or https URL" ;;
    esac
    is_hostname "${BOOTSTEAD_HOSTNAME:-}" || die "$conf: BOOTSTEAD_HOSTNAME is no host name"
    case ${BOOTSTEAD_TOKEN:-} in
    '' | *[!A-Za-z0-9._~+/=-]*) die "$conf: BOOTSTEAD_TOKEN is no token" ;;
    esac
    command -v flock >/dev/null 2>&1 || die "flock is missing: install util-linux"
    mkdir -p "$state_folder" "$log_folder"
}

is_hostname() {
    case $1 in
    '' | -* | *[!a-z0-9-]*) return 1 ;;
    esac
}

# take_lock NAME [-n]: held until this process ends, however it ends. With -n, fails if another has it.
take_lock() {
    exec 9>"$state_folder/$1.lock"
    flock ${2+"$2"} 9
}

# --- the server ---

# request FILE URL [FORM]: fetches URL into FILE, or posts FORM (a file) and has the answer in FILE.
# Fails with $away when the server can't be reached or is broken, with 1 when it refuses or FILE can't be written.
request() {
    true >"$1" || return 1
    if command -v curl >/dev/null 2>&1; then
        request_by_curl "$@"
    else
        request_by_wget "$@"
    fi
}

# The token goes through a pipe or a file that only root can read: everybody can read the process list.
request_by_curl() {
    status=0
    code=$(
        printf 'header = "Authorization: Bearer %s"\n' "$BOOTSTEAD_TOKEN" |
            curl -sS -K - --connect-timeout 20 --speed-limit 1 --speed-time 60 ${3+--data-binary "@$3"} \
                -o "$1" -w '%{http_code}' "$2"
    ) || status=$?
    case $status in
    0) ;;
    23 | 26) return 1 ;; # can't write FILE, can't read FORM; curl has said so
    *) return "$away" ;;
    esac
    case $code in
    2??) return 0 ;;
    5?? | 408 | 429) status=$away ;;
    *) status=1 ;;
    esac
    complain "$2: HTTP $code: $(sed -n 1p "$1" | tr -cd '\040-\176')"
    return "$status"
}

request_by_wget() {
    case $(wget --version 2>/dev/null || :) in
    'GNU Wget'*) ;;
    *) die "curl or GNU wget is needed; the wget here can take the token only where everybody can read it" ;;
    esac
    wgetrc=$state_folder/wgetrc
    line="header = Authorization: Bearer $BOOTSTEAD_TOKEN"
    if ! [ -f "$wgetrc" ] || [ "$(cat "$wgetrc")" != "$line" ]; then
        printf '%s\n' "$line" >"$wgetrc.$$" && mv -f "$wgetrc.$$" "$wgetrc" || return 1
    fi
    message=$(
        WGETRC=$wgetrc WGET2RC=$wgetrc wget -nv -t 1 -T 60 ${3+--post-file="$3"} -O "$1" "$2" 2>&1 </dev/null
    ) && return 0
    complain "$2: $message"
    case $message in
    *'ERROR 4'* | *'ERROR response 4'* | *[Cc]'annot write'* | *'o space left'*) return 1 ;;
    esac
    return "$away"
}

# --- guests ---

# The guests of this Dom0: those whose configuration xenconf wrote.
guests() {
    [ -f "$written" ] || return 0
    sed -n '/_install$/d; s|^xen/||p' "$written" | while read -r listed; do
        [ ! -f "$xen_folder/$listed" ] || printf '%s\n' "$listed"
    done
}

is_guest() {
    [ -f "$xen_folder/$1" ] && was_written "xen/$1"
}

# Armed: the server gave an install configuration.
is_armed() {
    [ -f "$xen_folder/$1_install" ] && was_written "xen/$1_install"
}

was_written() {
    [ -f "$written" ] && grep -qxF "$1" "$written"
}

# install_log_tail GUEST LINES: the end of what its installer said, without the tokens on a kernel command line.
install_log_tail() {
    [ -f "$log_folder/$1.install.log" ] || return 0
    tail -n "$2" "$log_folder/$1.install.log" | tr -cd '\011\012\040-\176' |
        sed 's/\([Tt][Oo][Kk][Ee][Nn]=\)[A-Za-z0-9._~+/=-]*/\1.../g'
}

# --- the hypervisor ---
# What differs between hypervisors is here. xl (Xen 4) and xm (Xen 3) take the same words. Its tools may leave daemons
# behind, so they never inherit a lock.

# Whether the hypervisor answers; afterwards $toolstack is the program to ask.
find_toolstack() {
    case ${BOOTSTEAD_HYPERVISOR:-xen} in
    xen)
        for toolstack in xl xm; do
            ! command -v "$toolstack" >/dev/null 2>&1 || ! "$toolstack" list >/dev/null 2>&1 9>&- || return 0
        done
        complain "no hypervisor answers: neither xl list nor xm list works; is this Xen's kernel?"
        return 1
        ;;
    *) die "$conf: guests of BOOTSTEAD_HYPERVISOR=$BOOTSTEAD_HYPERVISOR can't be run by these scripts" ;;
    esac
}

# guest_state GUEST: absent, running, ended (nobody cleaned it up yet) or crashed. Fails when the hypervisor gives no answer,
# which is not the same as a guest that is absent.
guest_state() {
    listing=$("$toolstack" list 2>/dev/null 9>&-) || return 1
    printf '%s\n' "$listing" | awk -v guest="$1" '
        $1 == guest { state = $5 ~ /c/ ? "crashed" : $5 ~ /s/ ? "ended" : "running" }
        END { print state == "" ? "absent" : state }'
}

# start_guest GUEST CONFIG: starts the domain. Says why when it can't.
start_guest() {
    "$toolstack" create "$2" >"$log_folder/$1.create.log" 2>&1 </dev/null 9>&- && return 0
    complain "$1: $toolstack create $2 failed: $(tail -n 1 "$log_folder/$1.create.log")"
    return 1
}

# order_guest destroy|reboot GUEST
order_guest() {
    "$toolstack" "$1" "$2" </dev/null 9>&-
}

# guest_console GUEST: until the domain ends. On standard input's end it would end at once.
guest_console() {
    exec "$toolstack" console "$1" 9>&-
}
