# shellcheck shell=sh
# Fetches the kickstart, takes it apart into $work and runs its scripts. Part of init.

fetch_kickstart() {
    mkdir -p $work
    say "fetching kickstart ${kickstart%%\?*}"
    if ! busybox wget -O $work/ks.cfg "$kickstart" 2>$work/wget.log; then
        refused=$(sed -n 's/.*server returned error: HTTP\/[0-9.]* //p' $work/wget.log)
        give_up "kickstart refused: ${refused:-$(tail -n 1 $work/wget.log)}"
    fi
    say "kickstart has $(wc -l <$work/ks.cfg) lines, sha256 $(sha256sum <$work/ks.cfg | cut -d ' ' -f 1)"
    awk -v out=$work -f /installer/sections.awk $work/ks.cfg || give_up "kickstart malformed"
}

option() { sed -n "s/.*--$2[= ]\([^ ]*\).*/\1/p" "$1"; }
has() { grep -q -e "--$2" "$1"; }

# run_section FILE-STEM ROOT: the script with its own interpreter, its output on the console and in its --log.
run_section() {
    interpreter=$(option "$1.options" interpreter)
    log=$(option "$1.options" log)
    mkdir -p "$2/tmp"
    cp "$1.body" "$2/tmp/ks-script"
    if [ "$2" = / ]; then
        "${interpreter:-/bin/sh}" /tmp/ks-script >"$1.output" 2>&1
    else
        chroot "$2" "${interpreter:-/bin/sh}" /tmp/ks-script >"$1.output" 2>&1
    fi
    status=$?
    sed 's/^/  | /' "$1.output"
    [ -z "$log" ] || { mkdir -p "$2/${log%/*}" && cp "$1.output" "$2/$log"; }
    return $status
}

# A failed script stops the install only with --erroronfail, as in Anaconda.
run_sections() {
    wanted=$1
    for stem in "$work"/*.kind; do
        [ -e "$stem" ] || return 0
        stem=${stem%.kind}
        [ "$(cat "$stem.kind")" = "$wanted" ] || continue
        root=$2
        if has "$stem.options" nochroot; then root=/; fi
        say "running %$wanted $(cat "$stem.options")"
        if run_section "$stem" "$root"; then
            continue
        elif has "$stem.options" erroronfail; then
            give_up "refused by %$wanted"
        fi
        say "%$wanted failed, no --erroronfail, going on"
    done
}

# %include lines among the commands, usually written by %pre.
include_files() {
    while grep -q '^%include ' $work/commands; do
        included=$(sed -n 's/^%include  *//p' $work/commands | head -n 1)
        [ -r "$included" ] || give_up "%include $included: no such file"
        sed -e "/^%include  *$(echo "$included" | sed 's/[/.]/\\&/g')\$/{r $included" -e 'd;}' $work/commands >$work/commands.new
        mv $work/commands.new $work/commands
    done
}

command_option() { sed -n "s/^ *$1 .*--$2[= ]\([^ ]*\).*/\1/p" $work/commands | head -n 1; }
has_command() { grep -q "^ *$1\( \|\$\)" $work/commands; }
