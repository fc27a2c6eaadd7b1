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
# Others may pass through (qemu's user, to the kernels in it); what lies in it beside them is root's.
state_folder=$root/var/lib/bootstead
boot_folder=$state_folder/boot
log_folder=$root/var/log/bootstead
# What xenconf wrote, by the manifest's names, one a line.
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
    choose_hypervisor
    mkdir -p "$state_folder" "$log_folder"
}

is_hostname() {
    case $1 in
    '' | -* | *[!a-z0-9-]*) return 1 ;;
    esac
}

# Another one after each boot. BSD's boot time moves when the clock is set: where there is an id, not that.
boot_id() {
    cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -nx kern.boot_id 2>/dev/null ||
        sysctl -n kern.boottime 2>/dev/null || echo unknown
}

# --- locks ---

# take_lock NAME [-n]: held until this process ends, however it ends. With -n, fails if another has it.
take_lock() {
    if command -v flock >/dev/null 2>&1; then
        exec 9>>"$state_folder/$1.lock"
        flock ${2+"$2"} 9
    else
        take_link "$@"
    fi
}

# Without flock a lock is the symbolic link NAME.lock.N with the highest N, to what names its owner: making it succeeds
# once, and it is free when its owner has ended. Nobody gives one up, and none is replaced, so none is taken from a
# living owner.
take_link() {
    lock=$state_folder/$1.lock
    # The process that holds it, which may be a subshell: $$ would be the script's.
    owner="$(exec sh -c 'echo "$PPID"') ${0##*/} $(boot_id)"
    while :; do
        last=$(last_link)
        next=$((last + 1))
        if owner_lives "$(readlink "$lock.$last" 2>/dev/null)"; then
            [ -z "${2:-}" ] || return 1
            pause
        elif ln -s "$owner" "$lock.$next" 2>/dev/null; then
            [ "$(last_link)" -ne "$next" ] || break
        elif ! [ -h "$lock.$next" ]; then
            die "$lock.$next can't be made: is the disk full?"
        fi
    done
    for link in "$lock".[0-9]*; do
        [ "${link##*.}" -ge "$next" ] || rm -f "$link"
    done
}

last_link() {
    highest=0
    for link in "$lock".[0-9]*; do
        ! [ -h "$link" ] || [ "${link##*.}" -le "$highest" ] || highest=${link##*.}
    done
    echo "$highest"
}

# owner_lives 'PID SCRIPT BOOT'. A process id is used again some day, by something else; a ps that can't tell is no proof.
owner_lives() {
    pid=${1%% *}
    script=${1#* }
    [ -n "$pid" ] && [ "${script#* }" = "$(boot_id)" ] && kill -0 "$pid" 2>/dev/null || return 1
    case $(ps -o args= -p "$pid" 2>/dev/null) in
    '' | *"${script%% *}"*) ;;
    *) return 1 ;;
    esac
}

# --- the server ---

# request FILE URL [FORM]: fetches URL into FILE, or posts FORM (a file, and small) and has the answer in FILE.
# Fails with $away when the server can't be reached or is broken, with 1 when it refuses or FILE can't be written.
request() {
    true >"$1" || return 1
    if command -v curl >/dev/null 2>&1; then
        request_by_curl "$@"
    else
        request_by_wget "$@"
    fi
}

# peek URL: what the server has there, on standard output and nowhere else. Says nothing when it fails.
peek() {
    if command -v curl >/dev/null 2>&1; then
        by_curl -f -m 60 "$1" 2>/dev/null
    else
        by_wget -q -T 60 -O - "$1" 2>/dev/null
    fi
}

# The token goes through a pipe or a file that only root can read: everybody can read the process list, and not every shell
# has a printf of its own.
by_curl() {
    echo "header = \"Authorization: Bearer $BOOTSTEAD_TOKEN\"" |
        curl -sS -K - --connect-timeout 20 --speed-limit 1 --speed-time 60 "$@"
}

by_wget() {
    wgetrc=$state_folder/wgetrc
    line="header = Authorization: Bearer $BOOTSTEAD_TOKEN"
    if ! [ -f "$wgetrc" ] || [ "$(cat "$wgetrc")" != "$line" ]; then
        echo "$line" >"$wgetrc.$$" && mv -f "$wgetrc.$$" "$wgetrc" || return 1
    fi
    WGETRC=$wgetrc WGET2RC=$wgetrc wget -t 1 "$@" </dev/null
}

request_by_curl() {
    status=0
    code=$(by_curl ${3+-m 30 --data-binary "@$3"} -o "$1" -w '%{http_code}' "$2") || status=$?
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
    if [ $# -eq 3 ]; then seconds=30; else seconds=60; fi
    message=$(by_wget -nv -T "$seconds" ${3+--post-file="$3"} -O "$1" "$2" 2>&1) && return 0
    complain "$2: $message"
    case $message in
    *'ERROR 4'* | *'ERROR response 4'* | *[Cc]'annot write'* | *'o space left'*) return 1 ;;
    esac
    return "$away"
}

# report HOST STAGE DETAIL [PROGRESS [CONSOLE]]: tells the server how far HOST (this Dom0, or a guest of it) is; PROGRESS in
# per cent, CONSOLE a file.
report() {
    {
        printf 'stage=%s&detail=' "$2"
        printf '%s\n' "$3" | form_value
        [ -z "${4:-}" ] || printf '&progress=%s' "$4"
        [ -z "${5:-}" ] || { printf '&console=' && form_value <"$5"; }
    } >"$state_folder/$1.form"
    status=0
    request "$state_folder/$1.answer" "$BOOTSTEAD_SERVER/events/$1" "$state_folder/$1.form" || status=$?
    rm -f "$state_folder/$1.form" "$state_folder/$1.answer"
    return "$status"
}

form_value() {
    tr -cd '\011\012\040-\176' | sed 's/%/%25/g; s/&/%26/g; s/+/%2B/g; s/=/%3D/g; s/;/%3B/g; s/ /+/g' |
        awk '{ printf "%s%s", newline, $0; newline = "%0A" }'
}

# --- guests ---

# Where a file that the manifest names lies here. libvirt's own folder is its daemon's, so ours is another.
place_of() {
    case $1 in
    xen/*) printf '%s\n' "$root/etc/$1" ;;
    libvirt/*) printf '%s\n' "$root/etc/bootstead/$1" ;;
    boot/*) printf '%s\n' "$boot_folder/${1#boot/}" ;;
    esac
}

# config_of GUEST, config_of GUEST_install: the file of that configuration.
config_of() {
    place_of "$config_folder/$1$config_suffix"
}

has_config() {
    [ -f "$(config_of "$1")" ] && was_written "$config_folder/$1$config_suffix"
}

# The guests of this Dom0: those whose configuration xenconf wrote.
guests() {
    [ -f "$written" ] || return 0
    while read -r listed; do
        listed=${listed#"$config_folder/"}
        listed=${listed%"$config_suffix"}
        ! is_hostname "$listed" || ! has_config "$listed" || printf '%s\n' "$listed"
    done <"$written"
}

is_guest() {
    has_config "$1"
}

# Armed: the server gave an install configuration.
is_armed() {
    has_config "${1}_install"
}

was_written() {
    [ -f "$written" ] && grep -qxF "$1" "$written"
}

# There from before a guest's installer starts until the guest runs or failed. While the installer is at work it names the
# boot of this Dom0: in the same one, a domain of the guest's name is the installer.
install_marker() {
    printf '%s\n' "$state_folder/$1.installing"
}

is_installing() {
    [ -f "$(install_marker "$1")" ] && [ "$(cat "$(install_marker "$1")")" = "$(boot_id)" ]
}

# Its installer was started and neither it nor installguest came to an end: its disk may hold half a system.
is_interrupted() {
    [ -f "$(install_marker "$1")" ] && is_armed "$1"
}

# install_log_tail GUEST LINES: the end of what its installer said, without the tokens on a kernel command line.
install_log_tail() {
    [ -f "$log_folder/$1.install.log" ] || return 0
    tail -n "$2" "$log_folder/$1.install.log" | tr -cd '\011\012\040-\176' |
        sed 's/\([Tt][Oo][Kk][Ee][Nn]=\)[A-Za-z0-9._~+/=-]*/\1.../g'
}

# --- the hypervisor ---
# What differs between hypervisors is here. xl (Xen 4), xm (Xen 3) and virsh (KVM) take the same words for what we ask. Their
# tools may leave daemons behind, so they never inherit a lock.

# The manifest's names of configurations, the programs that may answer, and how their list shows a guest's state.
# shellcheck disable=SC2016 # awk's dollars
choose_hypervisor() {
    case ${BOOTSTEAD_HYPERVISOR:-xen} in
    xen)
        config_folder=xen
        config_suffix=
        toolstacks='xl xm'
        states='$1 == guest { state = $5 ~ /c/ ? "crashed" : $5 ~ /s/ ? "ended" : "running" }'
        ;;
    kvm)
        config_folder=libvirt
        config_suffix=.xml
        toolstacks=virsh
        # "running", "idle", "paused", "in shutdown", "pmsuspended", "crashed"; what is "shut off" is no domain of ours.
        states='$2 == guest && $3 != "shut" { state = $3 == "crashed" ? "crashed" : "running" }'
        LIBVIRT_DEFAULT_URI=qemu:///system
        VIRSH_DEFAULT_CONNECT_URI=$LIBVIRT_DEFAULT_URI # its name in old releases
        export LIBVIRT_DEFAULT_URI VIRSH_DEFAULT_CONNECT_URI
        ;;
    *) die "$conf: BOOTSTEAD_HYPERVISOR is neither xen nor kvm: guests of $BOOTSTEAD_HYPERVISOR can't be run by these scripts" ;;
    esac
}

# Whether the hypervisor answers; afterwards $toolstack is the program to ask.
find_toolstack() {
    for toolstack in $toolstacks; do
        ! command -v "$toolstack" >/dev/null 2>&1 || ! "$toolstack" list >/dev/null 2>&1 9>&- || return 0
    done
    complain "no hypervisor answers: \`list' fails with $toolstacks; is this the hypervisor's kernel, and does its daemon run?"
    return 1
}

# guest_state GUEST: absent, running, ended (nobody cleaned it up yet) or crashed. Fails when the hypervisor gives no answer,
# which is not the same as a guest that is absent.
guest_state() {
    listing=$("$toolstack" list 2>/dev/null 9>&-) || return 1
    printf '%s\n' "$listing" | awk -v guest="$1" "$states"'
        END { print (state == "" ? "absent" : state) }'
}

# start_guest GUEST CONFIG: starts the domain; says why when it can't. On a busy Dom0 xl now and then gives up on its hotplug
# scripts, so it gets a second try.
start_guest() {
    create_domain "$@" && return 0
    [ "$(guest_state "$1" || :)" = absent ] && pause && create_domain "$@" && return 0
    # The first error is the reason; what follows is what it led to.
    why=$(sed -n '/[Ee]rror/{p;q;}' "$log_folder/$1.create.log")
    complain "$1: $toolstack create $2 failed: ${why:-$(grep . "$log_folder/$1.create.log" | tail -n 1)}"
    return 1
}

create_domain() {
    "$toolstack" create "$2" >"$log_folder/$1.create.log" 2>&1 </dev/null 9>&-
}

# order_guest destroy|shutdown GUEST: `shutdown' asks, and returns before it is done.
order_guest() {
    "$toolstack" "$1" "$2" </dev/null 9>&- && return 0
    # xl: a guest without Xen's drivers may listen to its power button.
    [ "$toolstack:$1" = xl:shutdown ] && xl shutdown -F "$2" </dev/null 9>&-
}

# guest_console GUEST: until the domain ends. xl's ends at once at the end of its standard input; virsh's wants a terminal
# there, and where there is none the guest's own can be read.
guest_console() {
    if [ "$toolstack" != virsh ] || [ -t 0 ]; then exec "$toolstack" console "$1" 9>&-; fi
    terminal=$(virsh ttyconsole "$1" 2>/dev/null 9>&- | sed -n '/./p')
    [ -z "$terminal" ] || exec cat "$terminal" 9>&-
}
