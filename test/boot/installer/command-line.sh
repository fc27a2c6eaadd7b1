# shellcheck shell=sh
# What the boot menu told the installer; sets the variables below. Part of init.

kickstart='' rescue='' address='' netmask='' gateway='' name='' interface='' method='' servers='' renames=''

read_command_line() {
    read -r cmdline </proc/cmdline
    for word in $cmdline; do
        value=${word#*=}
        case $word in
        inst.ks=* | ks=*) kickstart=$value ;;
        rescue | inst.rescue) rescue=yes ;;
        ifname=*) renames="$renames $value" ;;
        nameserver=*) servers="$servers $value" ;;
        dns=*) servers="$servers $(echo "$value" | tr , ' ')" ;;
        netmask=*) netmask=$value ;;
        gateway=*) gateway=$value ;;
        hostname=*) name=$value ;;
        ksdevice=* | bootdev=*) interface=$value ;;
        BOOTIF=01-*) bootif=$(echo "${value#01-}" | tr -- '-A-F' ':a-f') ;;
        ip=*) read_ip "$value" ;;
        esac
    done
}

# dracut.cmdline(7): ip={dhcp|on|any}, ip=INTERFACE:{dhcp|…}, ip=CLIENT:[PEER]:GATEWAY:NETMASK:HOSTNAME:INTERFACE:METHOD.
# EL6 and before: ip=CLIENT beside netmask=, gateway= and ksdevice=, or ip=dhcp.
read_ip() {
    case $1 in
    dhcp | on | any | auto) method=dhcp ;;
    *:dhcp) interface=${1%%:*} method=dhcp ;;
    \[*\]:*) # an IPv6 address, whose netmask is the length of its prefix
        without=${1#*]}
        read_ip "-$without"
        address=${1%%]*}
        address=${address#[}
        ;;
    *:*:*:*:*:*)
        method=static
        address=$(field "$1" 1) gateway=$(field "$1" 3) netmask=$(field "$1" 4)
        name=$(field "$1" 5) interface=$(field "$1" 6)
        case $(field "$1" 7) in dhcp | on | any) method=dhcp ;; esac
        ;;
    *) method=static address=$1 ;;
    esac
}

field() { echo "$1" | cut -d: -f"$2"; }
