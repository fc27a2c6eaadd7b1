# After this, $disk is the disk that the inventory names for this machine, and it may be written: it exists, it is not
# removable (an installation medium), not read-only, not in use{% if dom0 %}, and holds no guest that would be lost{% endif %}.
disk={{ machine.disk | shell }}

resolve_device() {
    readlink -f "$1" 2>/dev/null || echo "$1"
}

read_flag() {
    [ -r "$1" ] && read -r flag <"$1" && echo "$flag"
}

# is_on_disk DEVICE: it is the disk or one of its partitions (sda1, nvme0n1p1, never sdaa).
is_on_disk() {
    case $1 in
    "$device" | "$device"p[0-9]*) return 0 ;;
    "$device"[0-9]*) case $device in *[0-9]) return 1 ;; *) return 0 ;; esac ;;
    esac
    return 1
}

# refuse_used TABLE: a device in the first column of /proc/mounts or /proc/swaps is in use.
refuse_used() {
    [ -r "$1" ] || return 0
    while read -r source place rest; do
        case $source in /*) ;; *) continue ;; esac
        if is_on_disk "$(resolve_device "$source")"; then
            fail "disk $disk is in use: $source ($place ${rest%% *}) is in $1"
        fi
    done <"$1"
}

device=$(resolve_device "/dev/$disk")
block=/sys/block/$(echo "${device#/dev/}" | tr / '!')
if [ ! -d "$block" ]; then
    fail "this machine has no disk $disk, which its inventory names; it has:$(for one in /sys/block/*; do printf ' %s' "${one##*/}"; done)"
fi
if [ "$(read_flag "$block/removable")" = 1 ]; then fail "disk $disk is removable: is it the installation medium?"; fi
if [ "$(read_flag "$block/ro")" = 1 ]; then fail "disk $disk is read-only"; fi
if [ "$(read_flag "$block/size")" = 0 ]; then fail "disk $disk has no medium"; fi
refuse_used /proc/mounts
refuse_used /proc/swaps

{% if params.create_partitions | default(false) %}
{% include "snippets/pre-partitions.sh" %}

{% endif %}
{% if dom0 and dom0.guest_disks.length %}
partition_exists() {
    [ -e "$block/$(echo "${1#/dev/}" | tr / '!')/start" ]
}

{% if params.keep_partitions | default(false) %}
# The guests' partitions are kept: they must be there, and none may be one of the Dom0's own.
own_partitions=' '{% for partition in params.partitions | default([]) %}{{ ((partition | kswords) ~ " ") | shell }}{% endfor %}

keep_guest() {
    is_on_disk "$1" || return 0
    partition_exists "$1" || fail "$1, the disk of guest $2, does not exist and keep_partitions forbids to make it"
    case $own_partitions in
    *part="${1#/dev/} "* | *part="$1 "*) fail "$1 is the disk of guest $2, and partitions would format it" ;;
    esac
}
{% for disk in dom0.guest_disks %}
keep_guest {{ disk.device | shell }} {{ disk.guest | shell }}
{% endfor %}
{% elif not params.wipe_guests | default(false) %}
# Every partition is about to go, so there must be none that is a guest's.
refuse_guest() {
    if is_on_disk "$1" && partition_exists "$1"; then
        fail "$1 is the disk of guest $2: set keep_partitions, or wipe_guests if it may be lost"
    fi
}
{% for disk in dom0.guest_disks %}
refuse_guest {{ disk.device | shell }} {{ disk.guest | shell }}
{% endfor %}
{% endif %}
{% endif %}
