# shellcheck shell=sh
# Installs from the tree that `url` names: partitions as the kickstart has them, the archives of its packages, GRUB. Part of init.
# A tree is a folder with one archive (cpio) for a package or group; what has none is part of @core.

# Sets $root and $boot to partitions, with new file systems, mounted; writes fstab when the system is there.
make_file_systems() {
    boot='' root='' number=1
    mkdir -p $target
    : >$work/fstab
    if has_command autopart; then
        say "partitioning $disk"
        printf '%s\n' o n p 1 2048 '' a 1 w | fdisk -u "$disk" >$work/fdisk.log 2>&1
        wait_for "${disk}1"
        root=${disk}1
        make_file_system / ext4 "$root"
    else
        has_command part || has_command partition || give_up "kickstart makes no partitions"
        sed -n 's/^ *part\(ition\)\{0,1\}  *//p' $work/commands >$work/parts
        while read -r place options; do
            type=$(echo "$options" | sed -n 's/.*--fstype[= ]\([^ ]*\).*/\1/p')
            device=$(echo "$options" | sed -n 's/.*--onpart[= ]\([^ ]*\).*/\1/p')
            device=/dev/${device#/dev/}
            [ -b "$device" ] || give_up "part $place wants $device, which is not there"
            case $place in
            /) root=$device ;;
            /boot) boot=$device ;;
            esac
            make_file_system "$place" "${type:-ext4}" "$device"
        done <$work/parts
    fi
    [ -n "$root" ] || give_up "kickstart makes no root file system"
    mount -t ext4 "$root" $target || give_up "cannot mount $root"
    [ -z "$boot" ] || { mkdir -p $target/boot && mount -t ext4 "$boot" $target/boot; } || give_up "cannot mount $boot"
}

# GRUB 0.97 reads small inodes and nothing that came after ext3. The path, because busybox prefers its own mke2fs.
make_file_system() {
    say "making $1 on $3"
    if [ "$1" = swap ]; then
        mkswap "$3" >/dev/null || give_up "cannot make swap on $3"
        echo "$3 none swap defaults 0 0" >>$work/fstab
        return
    fi
    case $2 in
    ext3) /bin/mke2fs -q -F -t ext3 -j -I 128 -O none,has_journal,filetype,sparse_super "$3" ;;
    *) /bin/mke2fs -q -F -t ext4 -j -O extents,has_journal "$3" ;;
    esac >$work/mke2fs.log 2>&1 || { cat $work/mke2fs.log; give_up "cannot make a file system on $3"; }
    echo "$3 $1 ext4 defaults 0 0" >>$work/fstab
}

# The archives of the packages asked for, in order.
write_tree() {
    for kind in $work/*.kind; do
        [ "$(cat "$kind")" = packages ] || continue
        while read -r package; do
            case $package in '' | '#'* | -*) continue ;; esac
            write_package "${package#@}"
        done <"${kind%.kind}.body"
    done
    [ -x $target/sbin/init ] || give_up "the tree at $tree has no system"
    for path in proc sys dev; do mkdir -p $target/$path && mount --bind /$path $target/$path; done
    say "system written to $root"
}

write_package() {
    address=$tree/$1.cpio
    busybox wget -q --spider "$address" 2>/dev/null || return 0
    say "package $1"
    (cd $target && busybox wget -q -O - "$address" | cpio -idmu 2>$work/cpio.log) || give_up "cannot unpack $address"
}

# What the installer itself writes of the kickstart's commands: mounts, name, the network's files.
write_settings() {
    scripts=$target/etc/sysconfig/network-scripts
    mkdir -p "$scripts" $target/root $target/tmp $target/run $target/var/log
    chmod 1777 $target/tmp
    cp $work/fstab $target/etc/fstab
    printf 'NETWORKING=yes\nHOSTNAME=%s\n' "${name:-localhost}" >$target/etc/sysconfig/network
    printf '127.0.0.1 localhost\n' >$target/etc/hosts
    {
        printf 'DEVICE=%s\nONBOOT=yes\nBOOTPROTO=static\n' "$interface"
        printf 'IPADDR=%s\nNETMASK=%s\nGATEWAY=%s\n' "$(command_option network ip)" "$(command_option network netmask)" \
            "$(command_option network gateway)"
    } >"$scripts/ifcfg-$interface"
}

# GRUB legacy's menu up to EL 6, GRUB 2's since. A machine's disk gets GRUB itself; a guest's is read by its Dom0.
write_grub() {
    files=/boot
    [ -z "$boot" ] || files=
    device=${boot:-$root}
    partition=${device#"$disk"}
    append=$(sed -n 's/^ *bootloader .*--append=//p' $work/commands | sed "s/^'\([^']*\)'.*/\1/; t; s/ .*//")
    linux="ro root=$root $append"
    mkdir -p $target/boot/grub $target/boot/grub2
    case $cmdline in
    *inst.ks=*)
        printf '%s\n' 'set timeout=0' "menuentry 'Linux' {" "  linux $files/vmlinuz $linux" "  initrd $files/initrd.img" '}' \
            >$target/boot/grub2/grub.cfg
        return
        ;;
    esac
    {
        printf '%s\n' default=0 timeout=0 'title Linux' "    root (hd0,$((partition - 1)))" \
            "    kernel $files/vmlinuz $linux" "    initrd $files/initrd.img"
        [ ! -e $target/boot/xen.gz ] || printf '%s\n' 'title Xen' "    root (hd0,$((partition - 1)))" \
            "    kernel $files/xen.gz" "    module $files/vmlinuz $linux" "    module $files/initrd.img"
    } >$target/boot/grub/grub.conf
    ln -sf grub.conf $target/boot/grub/menu.lst
    [ -x $target/usr/sbin/grub ] || return 0
    cp $target/usr/lib/grub/*/*stage* $target/boot/grub/
    printf '%s\n' "device (hd0) $disk" "root (hd0,$((partition - 1)))" 'setup (hd0)' quit |
        chroot $target /usr/sbin/grub --batch >$work/grub.log 2>&1
    grep -q 'succeeded\|Done' $work/grub.log || { cat $work/grub.log; give_up "cannot install GRUB on $disk"; }
}
