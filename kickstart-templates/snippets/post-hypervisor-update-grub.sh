# Debian's GRUB boots the hypervisor by default, with the Dom0's share of memory and CPUs: its entries come first, where
# an upgrade leaves them. Guests' disks are no other systems to be booted.
printf '%s\n' GRUB_DISABLE_OS_PROBER=true {{ ('GRUB_CMDLINE_XEN_DEFAULT="' ~ dom0.hypervisor_args ~ '"') | shell }} >>/etc/default/grub
if [ -e /etc/grub.d/20_linux_xen ]; then
    dpkg-divert --quiet --divert /etc/grub.d/08_linux_xen --rename /etc/grub.d/20_linux_xen || fail "dpkg-divert failed"
fi
update-grub || fail "update-grub failed"
grep -q 'multiboot.*/xen' /boot/grub/grub.cfg || fail "/boot/grub/grub.cfg has no Xen entry: is xen-system in the package mirror?"
