# Bridges{% if release.major <= 5 %} and VLANs{% endif %}, which this release's kickstart can't make: an address moves from its interface to the bridge.
scripts=/etc/sysconfig/network-scripts
mkdir -p "$scripts"

# make_bridge INTERFACE BRIDGE MAC [LINE…]: the lines are the bridge's settings.
make_bridge() {
    interface=$1 bridge=$2 mac=$3
    shift 3
    printf '%s\n' "DEVICE=$interface" ${mac:+"HWADDR=$mac"} ONBOOT=yes "BRIDGE=$bridge" >"$scripts/ifcfg-$interface"
    printf '%s\n' "DEVICE=$bridge" TYPE=Bridge ONBOOT=yes DELAY=0 "$@" >"$scripts/ifcfg-$bridge"
}
{% for nic in interfaces %}
{% if nic.bridge %}
make_bridge {{ nic.name | shell }} {{ nic.bridge | shell }} {{ nic.mac | shell }}
{%- if nic.ip %} BOOTPROTO=static {{ ("IPADDR=" ~ nic.ip) | shell }} {{ ("NETMASK=" ~ nic.netmask) | shell }}
{%- if nic.gateway %} {{ ("GATEWAY=" ~ nic.gateway) | shell }}{% endif %}
{%- else %} BOOTPROTO=dhcp{% endif %}
{%- if nic.mtu %} {{ ("MTU=" ~ nic.mtu) | shell }}{% endif %}

{% elif nic.vlan and not nic.boot and release.major <= 5 %}
printf '%s\n' ONBOOT=yes BOOTPROTO=none {{ ("DEVICE=" ~ nic.name) | shell }} >"$scripts/"{{ ("ifcfg-" ~ nic.name) | shell }}
printf '%s\n' ONBOOT=yes VLAN=yes {{ ("DEVICE=" ~ nic.name ~ "." ~ nic.vlan) | shell }}
{%- if nic.ip %} BOOTPROTO=static {{ ("IPADDR=" ~ nic.ip) | shell }} {{ ("NETMASK=" ~ nic.netmask) | shell }}{% else %} BOOTPROTO=dhcp{% endif %} >"$scripts/"{{ ("ifcfg-" ~ nic.name ~ "." ~ nic.vlan) | shell }}
{% endif %}
{% endfor %}
{% if dom0 %}

# xend would make a bridge of its own and rename the interface under it.
if [ -f /etc/xen/xend-config.sxp ]; then
    sed 's|^(network-script .*|(network-script /bin/true)|' /etc/xen/xend-config.sxp >/etc/xen/xend-config.sxp.new
    cat /etc/xen/xend-config.sxp.new >/etc/xen/xend-config.sxp
    rm -f /etc/xen/xend-config.sxp.new
fi
{% endif %}
