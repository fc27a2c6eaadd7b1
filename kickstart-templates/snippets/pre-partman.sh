# The machine's own partitions are there already, and a recipe of partman can't name one that is. So its automatic
# partitioning is left out, and the first step of its display notes what becomes of each: a file for each answer.
mkdir -p /var/lib/partman
: >/var/lib/partman/initial_auto
cat >/lib/partman/display.d/05bootstead <<'BOOTSTEAD_PARTMAN'
#!/bin/sh
. /lib/partman/lib/base.sh

[ ! -e /var/lib/partman/bootstead ] || exit 0
: >/var/lib/partman/bootstead

# use_partition DEVICE FILE=TEXT…
use_partition() {
    wanted=$1
    shift
    for disk in "$DEVICES"/*; do
        [ -d "$disk" ] || continue
        cd "$disk" || continue
        partition=
        open_dialog PARTITIONS
        while { read_line number id size type filesystem path name; [ "$id" ]; }; do
            [ "$path" != "$wanted" ] || partition=$id
        done
        close_dialog
        [ -n "$partition" ] || continue
        mkdir -p "$partition"
        for answer; do
            echo "${answer#*=}" >"$partition/${answer%%=*}"
        done
        update_partition "$disk" "$partition"
    done
}

{% for partition in params.partitions | needed("keep_partitions needs the param partitions, each with --onpart") %}
use_partition {{ partition | partman }}
{% endfor %}
BOOTSTEAD_PARTMAN
chmod 755 /lib/partman/display.d/05bootstead
