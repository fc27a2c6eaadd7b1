# GRUB legacy boots the hypervisor by default: the first entry whose title names Xen.
for menu in /boot/grub/grub.conf /boot/grub/menu.lst; do
    [ -f "$menu" ] || continue
    [ ! -h "$menu" ] || continue # menu.lst is usually a link to the other
    entry=$(awk '/^title/ { if (tolower($0) ~ /xen/) { print count + 0; exit } count++ }' "$menu")
    [ -n "$entry" ] || fail "$menu has no Xen entry: is the kernel with Xen support in the package repositories?"
{% if release.major >= 6 %}
    # EL 5's kickstart has bootloader --hvargs for this.
    awk -v entry="$entry" -v args={{ dom0.hypervisor_args | shell }} '
        /^default=/ { $0 = "default=" entry }
        /^[ \t]*kernel .*xen/ { $0 = $0 " " args }
        { print }' "$menu" >"$menu.new"
{% else %}
    sed "s/^default=.*/default=$entry/" "$menu" >"$menu.new"
{% endif %}
    cat "$menu.new" >"$menu"
    rm -f "$menu.new"
done
if [ -f /etc/sysconfig/kernel ]; then
    sed 's/^DEFAULTKERNEL=.*/DEFAULTKERNEL=kernel-xen/' /etc/sysconfig/kernel >/etc/sysconfig/kernel.new
    cat /etc/sysconfig/kernel.new >/etc/sysconfig/kernel
    rm -f /etc/sysconfig/kernel.new
fi
