#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the disk image and the update bundle from a root file system; docs/image.md has the layout. Buildroot calls it
# (BR2_ROOTFS_POST_IMAGE_SCRIPT), and the lab's `make disk`, which makes the same inputs from Debian packages.
#   post-image.sh <folder of images> <folder of the board>
# Environment: TARGET_DIR, the root file system as a folder. SIGNING_CERT, SIGNING_KEY: for the
# bundle, see scripts/signing-keys; without them there is none.
# In the folder of images, before: rootfs.squashfs, the kernel (KERNEL of the board's meta), what the boot loader needs
# (boot/<BOOT_LOADER of meta>/fill.sh). After: root.img, kernel.vfat, disk.img, update.raucb.
# Needs veritysetup, genimage, mkfs.vfat, mtools, rauc, cpio, readelf, depmod.
set -eu
images=$1
board_dir=$2
here=$(cd "$(dirname "$0")" && pwd)
fail() {
    echo "post-image.sh: $*" >&2
    exit 1
}

# shellcheck source=/dev/null
. "$board_dir/meta"
loader=$here/boot/$BOOT_LOADER
[ -e "$loader/fill.sh" ] || fail "$board_dir/meta names the boot loader $BOOT_LOADER, and there is no $loader/fill.sh"
# shellcheck source=/dev/null
. "$loader/fill.sh"

work=$images/post-image
rm -rf "$work"
mkdir -p "$work"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600} # 2026-01-01
export SOURCE_DATE_EPOCH

# field <name>: of /usr/lib/scsigate/image.json
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$TARGET_DIR/usr/lib/scsigate/image.json"
}
compatible=$(field compatible)
version=$(field version)
if [ -z "$compatible" ] || [ -z "$version" ]; then
    fail "$TARGET_DIR/usr/lib/scsigate/image.json has no compatible or no version"
fi

# Root: the file system, then its hashes. The salt follows from the content, so that the same root gives the same hash.
root=$images/root.img
cp "$images/rootfs.squashfs" "$root"
size=$(stat -c %s "$root")
size=$(((size + 4095) / 4096 * 4096))
truncate -s $size "$root"
salt=$(sha256sum "$root" | cut -d' ' -f1)
hash=$(veritysetup format --no-superblock --hash=sha256 --data-block-size=4096 --hash-block-size=4096 \
    --data-blocks=$((size / 4096)) --hash-offset=$size --salt="$salt" "$root" "$root" | sed -n 's/^Root hash:[[:space:]]*//p')
[ -n "$hash" ] || fail "veritysetup gave no root hash"
# shellcheck disable=SC2034 # for fill_kernel
verity="$((size / 4096)),$((size / 4096)),$hash,$salt"
truncate -s $((($(stat -c %s "$root") + 4095) / 4096 * 4096)) "$root"

# Kernel slot.
kernel=$work/kernel
mkdir -p "$kernel"
# shellcheck disable=SC2153 # of meta
cp "$images/$KERNEL" "$kernel/vmlinuz"
"$here/make-initramfs" "$TARGET_DIR" "$kernel/initrd.img"
fill_kernel

# Boot partition.
boot=$work/boot
mkdir -p "$boot"
fill_boot
cp "$here/boot/readme.txt" "$boot/README.txt"
SCSIGATE_BOOT_LOADER=$BOOT_LOADER SCSIGATE_BOOT=$boot SCSIGATE_BOOT_NEW=$work/state "$here/rootfs-overlay/usr/sbin/scsigate-boot" reset

find "$boot" "$kernel" -exec touch -d "@$SOURCE_DATE_EPOCH" {} +

# gen <configuration> <folder of the inputs>
gen() {
    rm -rf "$work/tmp" "$work/root"
    mkdir -p "$work/root"
    genimage --loglevel 1 --rootpath "$work/root" --tmppath "$work/tmp" --inputpath "$2" --outputpath "$images" --config "$1"
}
# One file for people to read; genimage gets the images one after the other, each with its own inputs.
cfg=$work/genimage
awk -v dir="$cfg" '/^image /{name=$2} {print > (dir "." name)}' name=head "$loader/genimage.cfg"
gen "$cfg.boot.vfat" "$boot"
gen "$cfg.kernel.vfat" "$kernel"
finish_kernel
gen "$cfg.disk.img" "$images"
finish_disk

# Update bundle: what a slot consists of.
[ -n "${SIGNING_CERT:-}" ] || exit 0
bundle=$work/bundle
mkdir -p "$bundle"
cp "$images/kernel.vfat" "$images/root.img" "$bundle/"
cat >"$bundle/manifest.raucm" <<END
[update]
compatible=$compatible
version=$version

[bundle]
format=verity

[image.kernel]
filename=kernel.vfat

[image.rootfs]
filename=root.img
END
rm -f "$images/update.raucb"
rauc --cert="$SIGNING_CERT" --key="$SIGNING_KEY" bundle "$bundle" "$images/update.raucb" >/dev/null
