# This Dom0 installs its guests at its first boot: its scripts and what they need to know are in place.
firstboot_url={{ dom0.firstboot_url | shell }}
mkdir -p /etc/bootstead /usr/local/sbin

(
    umask 077
    : >/etc/bootstead/firstboot.conf
    chmod 600 /etc/bootstead/firstboot.conf
)
cat >/etc/bootstead/firstboot.conf <<'BOOTSTEAD_CONF'
# Written by the installer; read by the scripts in /usr/local/sbin.
BOOTSTEAD_SERVER={{ server.url | shell }}
BOOTSTEAD_HOSTNAME={{ machine.hostname | shell }}
BOOTSTEAD_TOKEN={{ machine_token | shell }}
BOOTSTEAD_HYPERVISOR={{ dom0.hypervisor | shell }}
BOOTSTEAD_CONF

for script in bootstead.sh xenconf installguest allguests; do
    fetch "$firstboot_url/$script" "/usr/local/sbin/$script"
    chmod 755 "/usr/local/sbin/$script"
done

# A missing manual is no reason to fail.
mkdir -p /usr/local/share/man/man8
for page in xenconf.8 installguest.8 allguests.8 bootstead-firstboot.8; do
    fetch_once "$firstboot_url/man/$page" "/usr/local/share/man/man8/$page" || rm -f "/usr/local/share/man/man8/$page"
done

{% if has_systemd %}
fetch "$firstboot_url/rc.local" /usr/local/sbin/bootstead-firstboot
chmod 755 /usr/local/sbin/bootstead-firstboot
mkdir -p /etc/systemd/system/multi-user.target.wants
fetch "$firstboot_url/bootstead-firstboot.service" /etc/systemd/system/bootstead-firstboot.service
ln -sf ../bootstead-firstboot.service /etc/systemd/system/multi-user.target.wants/bootstead-firstboot.service
{% else %}
mkdir -p /etc/rc.d
fetch "$firstboot_url/rc.local" /etc/rc.d/rc.local
chmod 755 /etc/rc.d/rc.local
{% endif %}
