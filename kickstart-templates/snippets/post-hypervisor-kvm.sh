# libvirt is at work when this Dom0 boots, with nothing but the guests of the inventory: not its own network, behind whose
# NAT no guest of ours is.
{% if has_systemd %}
# A daemon for each driver (EL 9, Fedora 35 and later), woken by its socket, or one for all: not both.
if ! systemctl is-enabled virtqemud.socket >/dev/null 2>&1; then
    systemctl enable libvirtd.service || systemctl enable virtqemud.socket || fail "libvirt has neither libvirtd nor virtqemud"
fi
{% else %}
! command -v chkconfig >/dev/null 2>&1 || chkconfig libvirtd on || fail "there is no libvirtd"
# What a bridge forwards is no business of the Dom0's own packet filter, which would refuse it.
for key in net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.bridge.bridge-nf-call-arptables; do
    grep -q "^$key" /etc/sysctl.conf 2>/dev/null || echo "$key = 0" >>/etc/sysctl.conf
done
{% endif %}
rm -f /etc/libvirt/qemu/networks/autostart/default.xml

# A guest is shut down with its Dom0; which ones start again is for the first-boot scripts to say.
settings=/etc/sysconfig
[ -d "$settings" ] || settings=/etc/default # Debian's
printf '%s\n' ON_BOOT=ignore ON_SHUTDOWN=shutdown SHUTDOWN_TIMEOUT=300 >"$settings/libvirt-guests"
{% if has_systemd %}
systemctl enable libvirt-guests.service || say "no libvirt-guests: guests are not shut down with their Dom0"
{% else %}
! command -v chkconfig >/dev/null 2>&1 || chkconfig libvirt-guests on || say "no libvirt-guests: guests are not shut down with their Dom0"
{% endif %}
