#!/usr/bin/env bash
# Usage: image-rootfs.sh BINARY DIRECTORY — makes the root file system of the image: the binary, the
# libraries it is linked to, the certificates of authorities, one user. The directory must not exist.
set -euo pipefail
binary=$1
root=$2
[ ! -e "$root" ] || { echo "$root exists; remove it or name another directory" >&2; exit 2; }

install -D -m 0755 "$binary" "$root/usr/bin/quartermaster"
if command -v strip >/dev/null; then strip "$root/usr/bin/quartermaster"; fi
# The loader and every library, under the paths by which the loader looks for them.
ldd "$binary" | grep -o '/[^ ]*' | sort -u | while read -r library; do
    install -D -m 0755 "$(readlink -f "$library")" "$root$library"
done
install -D -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
# Where OpenSSL, which the Kafka client uses, looks for them.
install -d -m 0755 "$root/usr/lib/ssl"
ln -s /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
echo 'quartermaster:x:65532:65532:quartermaster:/var/lib/quartermaster:/sbin/nologin' > "$root/etc/passwd"
echo 'quartermaster:x:65532:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
install -d -m 0755 "$root/var/lib/quartermaster" "$root/etc/quartermaster"
install -d -m 1777 "$root/tmp"
# Two builds of one revision give the same files.
find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
