# The network as ifupdown reads it: addresses, bridges and VLANs. A card is found by its MAC, whatever it is called here.
card_of() {
    for card in /sys/class/net/*; do
        if [ -n "$2" ] && [ "$(cat "$card/address" 2>/dev/null)" = "$2" ]; then
            echo "${card##*/}"
            return
        fi
    done
    echo "$1"
}

# add_interface NAME METHOD [LINE…]
add_interface() {
    printf '\nauto %s\niface %s inet %s\n' "$1" "$1" "$2"
    shift 2
    [ $# = 0 ] || printf '    %s\n' "$@"
}

{
    echo "# Written by the installer, from the inventory."
    add_interface lo loopback
{% for nic in interfaces %}
    card=$(card_of {{ nic.name | shell }} {{ nic.mac | shell }})
{% if nic.bridge %}
    add_interface "$card" manual
{% endif %}
    add_interface {% if nic.bridge %}{{ nic.bridge | shell }}{% elif nic.vlan and not nic.boot %}"$card".{{ nic.vlan }}{% else %}"$card"{% endif %}
{%- if nic.ip %} static {{ ("address " ~ nic.ip) | shell }} {{ ("netmask " ~ nic.netmask) | shell }}
{%- if nic.gateway %} {{ ("gateway " ~ nic.gateway) | shell }}{% endif %}
{%- if nic.mtu %} {{ ("mtu " ~ nic.mtu) | shell }}{% endif %}
{%- else %} dhcp{% endif %}
{%- if nic.bridge %} "bridge_ports $card" "bridge_stp off" "bridge_fd 0"{% endif %}

{% endfor %}
} >/etc/network/interfaces
{% if network.ip and network.dns.length %}

# The installer was told one name server, all that its command line holds.
printf '%s\n'{% if machine.domain %} {{ ("search " ~ machine.domain) | shell }}{% endif %}
{%- for server in network.dns %} {{ ("nameserver " ~ server) | shell }}{% endfor %} >/etc/resolv.conf
{% endif %}
