#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The last changes to Buildroot's root file system before it is packed.
#   post-build.sh <root file system> <folder of the board>
# Environment: Buildroot's, and SIGNING_KEYRING, whose signatures the image accepts (scripts/build-image sets it).
set -eu
target=$1
board_dir=$2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$board_dir/meta"

fail() {
    echo "post-build.sh: $*" >&2
    exit 1
}

# A kernel without something that the fragments ask for is found here, not on the machine.
# shellcheck disable=SC2153 # Buildroot's
fragments=$(sed -n 's/^BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES="\(.*\)"$/\1/p' "$BR2_CONFIG" |
    sed "s,\$(BR2_EXTERNAL_SCSIGATE_PATH),$BR2_EXTERNAL_SCSIGATE_PATH,g")
for config in "$BUILD_DIR"/linux-[0-9]*/.config "$BUILD_DIR"/linux-custom/.config; do
    [ -e "$config" ] || continue
    # shellcheck disable=SC2086 # a list of files
    "$here/check-kernel-config" "$config" $fragments || fail "the kernel is not as the fragments say; correct them"
done

# What docs/image.md promises to other programs.
version=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$target/usr/lib/scsigate/version.json")
[ -n "$version" ] || fail "$target/usr/lib/scsigate/version.json names no version"
printf '{"board":"%s","compatible":"%s","version":"%s","root":"buildroot"}\n' "$BOARD_ID" "$COMPATIBLE" "$version" \
    >"$target/usr/lib/scsigate/image.json"
[ -n "${SIGNING_KEYRING:-}" ] || fail "SIGNING_KEYRING is not set; build with \"make image\", which sets it"
mkdir -p "$target/etc/rauc"
cp "$SIGNING_KEYRING" "$target/etc/rauc/keyring.pem"
chmod 644 "$target/etc/rauc/keyring.pem"
sed -i "s/@COMPATIBLE@/$COMPATIBLE/" "$target/etc/rauc/system.conf"

# Services are the supervisor's: start scripts of packages go, the overlay's stay.
for script in "$target"/etc/init.d/*; do
    [ -e "$here/rootfs-overlay/etc/init.d/$(basename "$script")" ] || rm -f "$script"
done

# What avahi tells the LAN is the supervisor's too: not that there is SSH, as its own files say.
for service in "$target"/etc/avahi/services/*; do
    [ -L "$here/rootfs-overlay/etc/avahi/services/$(basename "$service")" ] || rm -f "$service"
done

# The root is read-only, so what is mounted or linked to must be there.
mkdir -p "$target/boot" "$target/data" "$target/mnt" "$target/run" "$target/tmp" "$target/var/empty"
rm -rf "$target/boot/grub"

if [ "$BOOT_LOADER" = grub ]; then
    # GRUB's first sector for BIOS, which Buildroot does not install by itself.
    for file in "$BUILD_DIR"/grub2-*/build-i386-pc/grub-core/boot.img; do
        [ -e "$file" ] || fail "GRUB was built without boot.img"
        cp "$file" "$BINARIES_DIR/boot.img"
    done
fi
