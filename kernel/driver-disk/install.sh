#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Installs the driver ipscsi on this host from the gateway's driver disk, and loads it:
#     mount -o ro LABEL=SCSIGATE /mnt; sh /mnt/install.sh
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
version=@VERSION@
here=$(cd "$(dirname "$0")" && pwd)
kernel=$(uname -r)
modules=/lib/modules/$kernel

fail() {
    printf '%s\n' "install.sh: $1" >&2
    shift
    for line in "$@"; do printf '    %s\n' "$line" >&2; done
    exit 1
}

# packages_for_building - what this system calls them, as a command
packages_for_building() {
    like=
    if [ -r /etc/os-release ]; then
        # shellcheck disable=SC1091 # of the host
        like=$(. /etc/os-release && echo " ${ID:-} ${ID_LIKE:-} ")
    fi
    case $like in
    *" debian "* | *" ubuntu "*) echo "apt install gcc make xz-utils linux-headers-$kernel" ;;
    *" alpine "*)
        echo "apk add gcc make musl-dev xz linux-${kernel##*-}-dev"
        ;;
    *" arch "*) echo "pacman -S gcc make xz linux-headers    (or linux-lts-headers, as your kernel is)" ;;
    *" suse "* | *" opensuse "* | *" sles "*) echo "zypper install gcc make xz kernel-devel kernel-${kernel##*-}-devel" ;;
    *" fedora "* | *" rhel "* | *" centos "*) echo "dnf install gcc make xz elfutils-libelf-devel kernel-devel-$kernel" ;;
    *) echo "a C compiler, make, xz, and the headers of kernel $kernel (/lib/modules/$kernel/build)" ;;
    esac
}

# How to bring them here: this host may have no network yet.
need() {
    fail "$1" "Install what is needed to build the driver, then run this again:" "" "$(packages_for_building)" "" \
        "A host without a network gets the packages from its system's installation disk, or by a USB stick."
}

[ "$(id -u)" = 0 ] || fail "this needs root." "Run it as root: sudo sh $here/install.sh"
printf '%s\n' "$kernel" | grep -Eq '@KERNELS@' ||
    fail "the driver is for Linux 6.1 to 6.12, and this host runs $kernel." "Start this host with a kernel of these versions."
[ -e "$modules/build/Makefile" ] || need "the headers of the running kernel $kernel are missing."
command -v make >/dev/null || need "the program make is missing."
command -v gcc >/dev/null || command -v cc >/dev/null || need "there is no C compiler."

if command -v dpkg >/dev/null && command -v dkms >/dev/null; then
    echo "Installing the package ipscsi-dkms: DKMS builds the driver for $kernel, and for kernels to come. This takes a while."
    dpkg -i "$here/ipscsi-dkms_${version}_all.deb"
else
    command -v xz >/dev/null || need "the program xz is missing."
    echo "Compiling the driver for $kernel. This takes a while. After an update of the kernel, run this again."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    xz -dc "$here/ipscsi-$version.tar.xz" | tar -C "$work" -xf -
    make -C "$work/ipscsi-$version" KDIR="$modules/build" KCFLAGS=-g0 modules >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "the driver could not be compiled; the lines above say why."
    }
    mkdir -p "$modules/extra"
    for module in ipscsi ipscsi_target; do
        install -m 644 "$work/ipscsi-$version/$module.ko" "$modules/extra/$module.ko"
    done
    depmod -a "$kernel"
fi

modprobe ipscsi || fail "the driver is installed, and cannot be loaded." \
    "dmesg says why. With Secure Boot, the key that it is signed with must be enrolled first (see mokutil), or Secure Boot" \
    "switched off."
# From now on, the kernel asks for the driver by itself when it finds the segment's device (its modalias).
interface=
tries=0
while [ -z "$interface" ] && [ "$tries" -lt 20 ]; do
    [ "$tries" = 0 ] || sleep 1
    tries=$((tries + 1))
    for entry in /sys/class/net/*/ipscsi; do
        [ ! -e "$entry" ] || interface=$(basename "$(dirname "$entry")")
    done
done
if [ -n "$interface" ]; then
    echo "The driver is loaded, and the segment is there: interface $interface."
    echo "Next: a DHCP client on it. NetworkManager starts one by itself; otherwise, one of:"
    echo "    dhclient $interface        udhcpc -i $interface        dhcpcd $interface"
else
    echo "The driver is loaded, and no segment has appeared yet. It comes by itself when the gateway is ready: ip link"
fi
