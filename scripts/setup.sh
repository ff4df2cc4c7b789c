#!/usr/bin/env bash
# Installs what a build needs and this machine lacks; says what it does. Quick, and silent, when
# nothing is missing. Never touches a toolchain or package that is good enough.
#
# `setup.sh peers` installs instead what `make bench-peers` compares with needs: a Java compiler, Maven, Python.
# `setup.sh kafka` installs instead what the test Kafka needs, which a build does not: Java and Maven;
# `setup.sh connect` what stands before Kafka in tests: PostgreSQL, its psql, and curl;
# `setup.sh instructions` what counts instructions: valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }
die() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

minimum_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

have_header() {
    compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/*/$1" >/dev/null
}

# bindgen reads RocksDB's headers through libclang (not libclang-cpp, which Clang and LLVM's tools bring along).
have_libclang() {
    { ldconfig -p 2>/dev/null | sed 's/^\s*//'; compgen -G '/usr/lib/llvm-*/lib/libclang*' | sed 's|.*/||'; } \
        | grep -E '^libclang(-[0-9][0-9.]*)?\.so' >/dev/null
}

missing_packages() {
    { have c++ && have cc && have make; } || echo build-essential
    have pkg-config || echo pkg-config
    have_libclang || echo libclang-dev
    # The Kafka client encrypts with the one and compresses with the other.
    have_header openssl/ssl.h || echo libssl-dev
    have_header zlib.h || echo zlib1g-dev
    [ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif have sudo; then sudo "$@"
    else die "needs root for: $* — run that as root, then run make again"
    fi
}

apt_updated=
apt_update() {
    [ -z "$apt_updated" ] || return 0
    say "apt-get update"
    as_root apt-get update -qq || say "apt-get update failed; trying with the package lists at hand"
    apt_updated=1
}

apt_install() {
    have apt-get || die "please install the equivalents of these Debian packages, then run make again: $*"
    apt_update
    say "apt-get install $*"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

rust_is_new_enough() {
    have cargo && have rustc || return 1
    local found
    found=$(rustc --version 2>/dev/null | cut -d' ' -f2 | cut -d- -f1)
    [ -n "$found" ] && [ "$(printf '%s\n' "$minimum_rust" "$found" | sort -V | head -1)" = "$minimum_rust" ]
}

install_rustup() {
    if have apt-cache && [ -n "$(apt-cache search --names-only '^rustup$' 2>/dev/null)" ]; then
        apt_install rustup
        return
    fi
    have curl || apt_install curl ca-certificates
    say "installing Rust with the official installer, into ${CARGO_HOME:-$HOME/.cargo}"
    local installer
    installer=$(mktemp)
    curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs -o "$installer" \
        || die "could not fetch the Rust installer; install Rust $minimum_rust or newer by hand (rustup.rs), then run make again"
    sh "$installer" -y --no-modify-path --profile minimal --default-toolchain none >&2
    rm -f "$installer"
}

install_rust() {
    say "Rust $minimum_rust or newer is needed, found: $(rustc --version 2>/dev/null || echo none)"
    have rustup || install_rustup
    export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    say "rustup toolchain install $minimum_rust, used in this directory only"
    rustup toolchain install "$minimum_rust" --profile minimal --component clippy --component rustfmt >&2
    rustup override set "$minimum_rust" >&2
    rust_is_new_enough || die "Rust is still too old: $(rustc --version 2>&1); put ${CARGO_HOME:-$HOME/.cargo}/bin first in PATH"
}

# Kafka 4 runs on Java 17 or newer.
java_is_new_enough() {
    local found
    found=$(java -version 2>&1 | sed -n '1s/^[^"]*"\([0-9]*\).*/\1/p')
    [ "${found:-0}" -ge 17 ]
}

# Which Java a distribution has differs: a long-term one of those it lists.
java_package() {
    local version
    for version in 21 17 25; do
        [ -z "$(apt-cache search --names-only "^openjdk-$version-jre-headless\$")" ] || { echo "openjdk-$version-jre-headless"; return; }
    done
    echo default-jre-headless
}

setup_kafka() {
    local wanted=()
    if ! java_is_new_enough; then
        if have apt-get; then apt_update; wanted+=("$(java_package)"); else wanted+=(openjdk-17-jre-headless); fi
    fi
    # Once the jars are there, Maven is not needed.
    have mvn || [ -f "$(scripts/kafka-jars.sh --directory)/bootstrap.checkpoint" ] || wanted+=(maven)
    [ "${#wanted[@]}" = 0 ] || apt_install "${wanted[@]}"
    java_is_new_enough || die "Kafka needs Java 17 or newer, and the java in PATH is: $(java -version 2>&1 | head -1)"
}

# A server in PATH, or where Debian and Red Hat put it.
have_postgres() {
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/usr/pgsql-*/bin/initdb' >/dev/null
}

# Debian's package makes a database cluster of its own and starts it. Tests need the programs only.
no_cluster_of_its_own() {
    local file=/etc/postgresql-common/createcluster.conf
    [ -e "$file" ] || ! have apt-get || {
        say "$file: no database cluster is created by the package"
        as_root mkdir -p "$(dirname "$file")"
        echo "create_main_cluster = false" | as_root tee "$file" >/dev/null
    }
}

setup_connect() {
    local wanted=()
    have_postgres || { no_cluster_of_its_own; wanted+=(postgresql); }
    have psql || wanted+=(postgresql-client)
    have curl || wanted+=(curl)
    # Once the jars are there, Maven is not needed.
    have mvn || [ -d "$(scripts/connect-jars.sh --directory)/plugins" ] || wanted+=(maven)
    [ "${#wanted[@]}" = 0 ] || apt_install "${wanted[@]}"
    have_postgres || die "tests need a PostgreSQL server (initdb, postgres) in PATH or in /usr/lib/postgresql/*/bin"
}

# The compiler of the same Java as the runtime that is there.
setup_peers() {
    local wanted=() version
    version=$(java -version 2>&1 | sed -n '1s/^[^"]*"\([0-9]*\).*/\1/p')
    have javac || wanted+=("openjdk-${version:-17}-jdk-headless")
    have mvn || wanted+=(maven)
    have python3 || wanted+=(python3 python3-venv)
    [ "${#wanted[@]}" = 0 ] || apt_install "${wanted[@]}"
    have javac || die "the peer in Kafka Streams needs a Java compiler of version 17 or newer in PATH"
}

case "${1:-}" in
    peers) setup_peers; exit 0 ;;
    kafka) setup_kafka; exit 0 ;;
    connect) setup_connect; exit 0 ;;
    instructions) have valgrind || apt_install valgrind; exit 0 ;;
esac

mapfile -t packages < <(missing_packages)
[ "${#packages[@]}" = 0 ] || apt_install "${packages[@]}"
rust_is_new_enough || install_rust
scripts/checkout.sh
