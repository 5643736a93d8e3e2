# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # post-image.sh, which reads this, sets them
# What the boot loader in a Raspberry Pi's EEPROM needs on the disk. In the folder of images, from the build: device trees (*.dtb), and
# their overlays in rpi-firmware/overlays. Settings are the board's: config.txt, cmdline.txt.

# What the boot partition has beside the state, which is the boot loader's autoboot.txt.
fill_boot() {
    :
}

# What a kernel partition has beside kernel and initramfs. One image is for both slots, so it does not say which one it is in.
fill_kernel() {
    cp "$board_dir/config.txt" "$kernel/config.txt"
    printf '%s scsigate.verity=%s\n' "$(cat "$board_dir/cmdline.txt")" "$verity" >"$kernel/cmdline.txt"
    set -- "$images"/*.dtb
    [ -e "$1" ] || fail "$images has no device tree (*.dtb)"
    cp "$@" "$kernel/"
    [ ! -d "$images/rpi-firmware/overlays" ] || cp -r "$images/rpi-firmware/overlays" "$kernel/overlays"
}

# Device trees, whose names are the kernel's: one by one in the order of their names, so that the same files give the same image.
finish_kernel() {
    (
        cd "$kernel" || exit 1
        export LC_ALL=C
        mcopy -sp -i "$images/kernel.vfat" ./*.dtb ::
        [ -d overlays ] || exit 0
        mmd -i "$images/kernel.vfat" ::overlays
        mcopy -sp -i "$images/kernel.vfat" overlays/* ::overlays
    )
}

finish_disk() {
    :
}
