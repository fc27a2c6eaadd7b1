# Gives an empty disk its partitions, in order, in MiB; a disk that has partitions is left as it is. "extended" takes
# the rest of the disk for the logical partitions after it, which are numbered from 5; "rest" takes all that is left.
start=1 kind=primary
label={{ params.boot_disk_label | default("msdos") | oneof(["msdos", "gpt"]) | shell }}

make_partition() {
    case $1 in
    extended | rest) end=100% ;;
    *[!0-9]* | '') fail "create_partitions: $1 is neither a size in MiB nor extended nor rest" ;;
    *) end=$((start + $1)) ;;
    esac
    what=$kind
    [ "$1" != extended ] || what=extended kind=logical
    parted -s "$device" unit MiB mkpart "$what" "$start" "$end" || fail "parted could not make a partition of $1 MiB on $disk"
    [ "$1" = extended ] || start=$end
    [ "$kind" = primary ] || start=$((${start%\%} + 1)) # each logical partition has its own table before it
}

if [ -z "$(for one in "$block"/*/start; do [ ! -e "$one" ] || echo "$one"; done)" ]; then
    command -v parted >/dev/null 2>&1 || fail "create_partitions needs parted, which this installer lacks"
    say "$disk has no partitions, making them"
    parted -s "$device" mklabel "$label" || fail "parted could not label $disk"
{% for size in params.create_partitions %}
    make_partition {{ size | shell }}
{% endfor %}
    ! command -v udevadm >/dev/null 2>&1 || udevadm settle
fi
