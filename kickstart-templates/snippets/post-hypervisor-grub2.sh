# GRUB 2 boots the hypervisor by default, with the Dom0's share of memory and CPUs, and a new kernel doesn't change that.
if command -v grub2-mkconfig >/dev/null 2>&1; then
    printf 'GRUB_CMDLINE_XEN_DEFAULT="%s"\n' {{ dom0.hypervisor_args | shell }} >>/etc/default/grub
    menu=/boot/grub2/grub.cfg
    # Up to EL 8, UEFI has its menu on the EFI partition; since, only a stub that must stay.
    efi_menu=$(grep -l 'BEGIN /etc/grub.d' /boot/efi/EFI/*/grub.cfg 2>/dev/null | head -n 1)
    grub2-mkconfig -o "$menu" || fail "grub2-mkconfig failed"
    [ -z "$efi_menu" ] || cat "$menu" >"$efi_menu"
    entry=$(sed -n "s/^menuentry '\([^']*Xen hypervisor[^']*\)'.*/\1/p" "$menu" | head -n 1)
    [ -n "$entry" ] || fail "$menu has no Xen entry: is the package xen in the package repositories?"
    grub2-set-default "$entry" || fail "grub2-set-default failed"
    if [ -f /etc/sysconfig/kernel ]; then
        sed 's/^UPDATEDEFAULT=.*/UPDATEDEFAULT=no/' /etc/sysconfig/kernel >/etc/sysconfig/kernel.new
        cat /etc/sysconfig/kernel.new >/etc/sysconfig/kernel
        rm -f /etc/sysconfig/kernel.new
    fi
fi
