# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # post-image.sh, which reads this, sets them
# What GRUB needs on the disk. In the folder of images, from the build: boot.img and grub.img (BIOS), efi-part/EFI/BOOT/*.efi (UEFI).

# What the boot partition has beside the state.
fill_boot() {
    mkdir -p "$boot/EFI/BOOT" "$boot/boot/grub" "$boot/grub"
    for efi in "$images"/efi-part/EFI/BOOT/*.efi; do
        # a board without UEFI has none
        [ ! -e "$efi" ] || cp "$efi" "$boot/EFI/BOOT/$(basename "$efi" | tr '[:lower:]' '[:upper:]')"
    done
    # GRUB looks for its menu where it was built to look.
    # shellcheck disable=SC2016 # GRUB's variable
    printf 'configfile ($root)/grub/grub.cfg\n' | tee "$boot/EFI/BOOT/grub.cfg" >"$boot/boot/grub/grub.cfg"
    cp "$loader/grub.cfg" "$boot/grub/grub.cfg"
}

# What a kernel partition has beside kernel and initramfs.
fill_kernel() {
    printf 'set verity="%s"\n' "$verity" >"$kernel/slot.cfg"
}

# What is not in FAT images that were made from a list of files.
finish_kernel() {
    :
}

little() { # <number>: 8 bytes, little endian
    for shift in 0 8 16 24 32 40 48 56; do
        # shellcheck disable=SC2059 # the format is what is built
        printf "\\$(printf %03o $((($1 >> shift) & 255)))"
    done
}

# BIOS: boot.img's code goes into the first sector, core.img behind the partition table; each is told where the next part lies.
CORE_SECTOR=64
finish_disk() {
    [ -e "$images/grub.img" ] || return 0
    sectors=$((($(stat -c %s "$images/grub.img") + 511) / 512))
    [ $((CORE_SECTOR + sectors)) -le 2048 ] || fail "grub.img does not fit in front of the first partition"
    disk=$images/disk.img
    dd if="$images/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none
    little $CORE_SECTOR | dd of="$disk" bs=1 seek=92 conv=notrunc status=none
    dd if="$images/grub.img" of="$disk" bs=512 seek=$CORE_SECTOR conv=notrunc status=none
    little $((CORE_SECTOR + 1)) | dd of="$disk" bs=1 seek=$((CORE_SECTOR * 512 + 500)) conv=notrunc status=none
}
