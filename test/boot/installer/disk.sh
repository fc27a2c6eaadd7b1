# shellcheck shell=sh
# Gives the disk its partitions, loaders and system. Part of init.

# The disk that this kickstart may erase. Guessing is refused.
choose_disk() {
    disk=$(command_option ignoredisk only-use)
    cleared=$(command_option clearpart drives)
    disk=${disk:-$cleared}
    [ -n "$disk" ] || give_up "kickstart names no disk"
    [ "${cleared:-$disk}" = "$disk" ] || give_up "kickstart may use $disk but clears $cleared"
    wait_for "/dev/${disk#/dev/}"
    disk=$(readlink -f "/dev/${disk#/dev/}")
    [ -b "$disk" ] || give_up "kickstart wants disk $disk, this machine has none"
    has_command part || has_command partition || has_command autopart || give_up "kickstart makes no partitions"
    [ -e "${disk}1" ] && { has_command clearpart || give_up "$disk has partitions and there is no clearpart"; }
    return 0
}

# One small FAT partition for UEFI, the rest for the system.
partition_disk() {
    say "partitioning $disk"
    dd if=/dev/zero of="$disk" bs=512 count=2048 2>/dev/null
    printf '%s\n' o n p 1 2048 133119 t ef n p 2 133120 '' w | fdisk -u "$disk" >$work/fdisk.log 2>&1
    wait_for "${disk}2"
    [ -b "${disk}2" ] || { cat $work/fdisk.log; give_up "cannot partition $disk"; }
}

# EL 5's loader takes no host name on the command line: the kickstart has it.
take_name_from_kickstart() {
    name=${name:-$(command_option network hostname)}
}

# Both loaders print this line when the disk boots.
write_loaders() {
    text="BOOTED-FROM-DISK ${name:-unnamed}"
    dd if=/boot/disk-bios.bin of="$disk" bs=440 count=1 conv=notrunc 2>/dev/null
    { printf '\r\n%s\r\n' "$text"; head -c 512 /dev/zero; } | head -c 512 | dd of="$disk" bs=512 seek=1 conv=notrunc 2>/dev/null
    mkdosfs -n EFI "${disk}1" >/dev/null
    mkdir -p /mnt/efi
    mount -t vfat "${disk}1" /mnt/efi || give_up "cannot mount the EFI partition"
    mkdir -p /mnt/efi/EFI/BOOT /mnt/efi/EFI/debian
    cp /boot/BOOTX64.EFI /boot/grubx64.efi /mnt/efi/EFI/BOOT/
    cp /boot/grub.cfg /mnt/efi/EFI/debian/ # where Debian's signed GRUB looks
    printf '\n%s\n' "$text" >/mnt/efi/EFI/debian/installed.txt
    umount /mnt/efi
}

write_system() {
    mke2fs -L root "${disk}2" >/dev/null 2>&1 || give_up "cannot make a file system on ${disk}2"
    mkdir -p $target
    mount -t ext2 "${disk}2" $target || give_up "cannot mount ${disk}2"
    mkdir -p $target/etc/rc.d $target/etc/sysconfig $target/root $target/tmp $target/var/log $target/var/lib $target/mnt \
        $target/proc $target/sys $target/dev $target/run $target/usr/local/sbin $target/usr/local/bin
    chmod 1777 $target/tmp
    cp -a /bin /sbin /lib /lib64 $target/ || give_up "cannot write the system"
    rm -rf $target/lib/modules
    ln -s ../bin $target/usr/bin
    ln -s ../bin $target/usr/sbin
    echo 'root:x:0:0:root:/root:/bin/sh' >$target/etc/passwd
    echo 'root:x:0:' >$target/etc/group
    echo '127.0.0.1 localhost' >$target/etc/hosts
    echo "${name:-localhost}" >$target/etc/hostname
    [ ! -e /etc/resolv.conf ] || cp /etc/resolv.conf $target/etc/
    for path in proc sys dev; do mount --bind /$path $target/$path; done
    say "system written to ${disk}2"
}

leave_system() {
    for path in proc sys dev boot; do ! grep -q " $target/$path " /proc/mounts || umount $target/$path; done
    umount $target || say "$target is still in use"
    sync
}
