# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-only
# For scripts that make packages: the same input gives the same bytes. Sets here, version and SOURCE_DATE_EPOCH.
set -eu
umask 022
export LC_ALL=C TZ=UTC
repo=$(cd "${here:?}/../.." && pwd)

# VERSION replaces the tree's own: an upgrade is tested with it.
version=${VERSION:-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$repo/package.json")}
# The date of everything in a package: that of the last commit.
if [ -z "${SOURCE_DATE_EPOCH:-}" ]; then
    SOURCE_DATE_EPOCH=$(git -C "$repo" log -1 --format=%ct 2>/dev/null) || {
        echo "This is no git checkout: set SOURCE_DATE_EPOCH to the date of the source, in seconds since 1970." >&2
        exit 1
    }
fi
export SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fill IN OUT - a file with @VERSION@ and @KERNELS@ filled in
fill() {
    kernels=$(sed -n 's/^BUILD_EXCLUSIVE_KERNEL="\(.*\)"$/\1/p' "$repo/kernel/dkms.conf" | sed 's/\\/\\\\/g')
    sed -e "s/@VERSION@/$version/g" -e "s/@KERNELS@/$kernels/g" "$1" >"$2"
}

# driver_source FOLDER - what the driver is built from, without its tests
driver_source() {
    mkdir -p "$1"
    for file in "$repo"/kernel/*.c "$repo"/kernel/*.h "$repo/kernel/Kbuild" "$repo/kernel/Makefile"; do
        case $file in *.mod.c) continue ;; esac # of a build
        install -m 644 "$file" "$1/"
    done
    sed "s/^PACKAGE_VERSION=.*/PACKAGE_VERSION=\"$version\"/" "$repo/kernel/dkms.conf" >"$1/dkms.conf"
    install -m 644 "$repo/LICENSES/GPL-2.0-only.txt" "$1/LICENSE"
}

# dated FOLDER - everything in it gets the one date
dated() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

# deb NAME ARCHITECTURE OUT - packs $work/root with the control file and the scripts of $here
deb() {
    root=$work/root
    doc=$root/usr/share/doc/$1
    mkdir -p "$root/DEBIAN" "$doc"
    install -m 644 "$here/copyright" "$doc/copyright"
    {
        echo "$1 ($version) stable; urgency=medium"
        echo
        echo "  * See https://scsigate.org and the CHANGELOG.md of the source."
        echo
        echo " -- scsigate developers <developers@scsigate.org>  $(date -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9n >"$doc/changelog.gz"
    fill "$here/control" "$root/DEBIAN/control"
    (cd "$root" && find . -path ./DEBIAN -prune -o -type f -print | sort | sed 's/^\.\///' | xargs md5sum) >"$work/md5sums"
    mv "$work/md5sums" "$root/DEBIAN/md5sums"
    for script in preinst postinst prerm postrm; do
        [ -e "$here/$script" ] || continue
        fill "$here/$script" "$root/DEBIAN/$script"
        chmod 755 "$root/DEBIAN/$script"
    done
    dated "$root"
    mkdir -p "$3"
    # One thread: what xz writes depends on their number.
    DPKG_DEB_THREADS_MAX=1 dpkg-deb --root-owner-group -Zxz -z6 --build "$root" "$3/$1_${version}_$2.deb" >/dev/null
    echo "$3/$1_${version}_$2.deb"
}
