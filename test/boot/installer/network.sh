# shellcheck shell=sh
# Brings up the interface that the command line names, or the only one. Part of init.

interface_of_mac() {
    for candidate in /sys/class/net/*; do
        [ "$(cat "$candidate/address")" = "$1" ] && echo "${candidate##*/}" && return
    done
}

rename_interfaces() {
    for rename in $renames; do
        mac=$(echo "${rename#*:}" | tr A-F a-f)
        now=$(interface_of_mac "$mac")
        [ -n "$now" ] || give_up "ifname=$rename: no interface has this address"
        [ "$now" = "${rename%%:*}" ] || ip link set dev "$now" name "${rename%%:*}"
    done
}

choose_interface() {
    case $interface in
    '' | link | bootif)
        interface=$(interface_of_mac "${bootif:-none}")
        [ -n "$interface" ] || interface=eth0
        ;;
    *[:-]*[:-]*[:-]*[:-]*[:-]*) interface=$(interface_of_mac "$(echo "$interface" | tr -- '-A-F' ':a-f')") ;;
    esac
    wait_for "/sys/class/net/$interface"
    [ -e "/sys/class/net/$interface" ] || give_up "no network interface '$interface' on this machine: $(echo /sys/class/net/*)"
}

start_network() {
    rename_interfaces
    choose_interface
    ip link set dev lo up
    echo 0 >"/proc/sys/net/ipv6/conf/$interface/accept_dad" # or an IPv6 address is of no use for a second
    ip link set dev "$interface" up
    if [ "$method" = static ]; then
        [ -n "$netmask" ] || give_up "ip=$address without a netmask"
        ip address add "$address/$netmask" dev "$interface"
        [ -z "$gateway" ] || ip route add default via "$gateway" dev "$interface"
        say "static network: $interface $address/$netmask gateway ${gateway:-none} name ${name:-none}"
    else
        udhcpc -i "$interface" -s /etc/udhcpc.script -q -n -f -t 10 -T 1 || give_up "no DHCP answer on $interface"
        name=${name:-$(hostname)}
    fi
    for server in $servers; do echo "nameserver $server" >>/etc/resolv.conf; done
    [ -z "$name" ] || hostname "$name"
}
