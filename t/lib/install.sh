#!/bin/bash
#
# Installs what the project's commands need on a Debian machine.
#
#     t/lib/install.sh GROUP ...
#
# Every argument is a group of packages, one of those below in small letters.
# When all of them are there, nothing is done and no privilege is needed; else
# this is to be run by root, or by somebody for whom sudo works.

set -eu

BUILD=(gcc libc6-dev make nginx nginx-dev libcjson-dev libssl-dev)
TEST=(libcmocka-dev perl python3 python3-boto3 python3-botocore python3-grpcio
      python3-h2 awscli ca-certificates curl faketime nghttp2-server openssl
      php-fpm prometheus uwsgi-core uwsgi-plugin-python3 clang
      libclang-rt-dev)
DEMO=(python3 python3-botocore python3-selenium chromium chromium-driver
      openssl)
BENCH=(python3 wrk openssl python3-boto3 uwsgi-core uwsgi-plugin-python3
       libnginx-mod-http-js libnginx-mod-http-lua lua-cjson nodejs)
EXAMPLES=(python3 python3-botocore python3-grpcio openssl php-fpm nodejs
          uwsgi-core uwsgi-plugin-python3)

# Node.js of other makes than Debian's brings npm along, and Debian's npm
# would have it removed.
command -v npm >/dev/null || { BENCH+=(npm); EXAMPLES+=(npm); }

SCALE=(python3 python3-matplotlib wrk)
COVERAGE=(python3 gcovr)
LINT=(python3 cppcheck clang-tidy)

# Debian 12 has none, nor an nginx that speaks HTTP/3.
HTTP3=(python3-aioquic)

# For an nginx that is built from its source package.
SOURCE=(dpkg-dev libpcre2-dev zlib1g-dev)

# What writes reports needs llvm to name lines of source.
ASAN=("${SOURCE[@]}" clang libclang-rt-dev llvm)

VALGRIND=(valgrind)

MATRIX=(mmdebstrap iproute2)

DEB=(build-essential debhelper)
LINTIAN=(lintian)
DEB_CHECK=(mmdebstrap debian-archive-keyring buildah iproute2 util-linux)

# The last is there so that no mail server is brought along.
APPLICATION=(python3 python3-botocore openssl chromium
             request-tracker5 rt5-fcgi rt5-db-sqlite msmtp-mta)

# The Debian release that Test::Nginx comes from where the machine's own
# release has none.
TEST_NGINX_SUITE=forky

POLICY=/usr/sbin/policy-rc.d

scratch=
policy=


main() {
    local packages group test_nginx=

    packages=("${BUILD[@]}")

    for group; do
        case $group in
            build)       ;;
            test)        packages+=("${TEST[@]}")
                         test_nginx=libtest-nginx-perl ;;
            demo)        packages+=("${DEMO[@]}") ;;
            bench)       packages+=("${BENCH[@]}") ;;
            scale)       packages+=("${SCALE[@]}") ;;
            http3)       packages+=("${HTTP3[@]}") ;;
            source)      packages+=("${SOURCE[@]}") ;;
            asan)        packages+=("${ASAN[@]}") ;;
            valgrind)    packages+=("${VALGRIND[@]}") ;;
            examples)    packages+=("${EXAMPLES[@]}") ;;
            application) packages+=("${APPLICATION[@]}") ;;
            coverage)    packages+=("${COVERAGE[@]}") ;;
            lint)        packages+=("${LINT[@]}") ;;
            matrix)      packages+=("${MATRIX[@]}") ;;
            deb)         packages+=("${DEB[@]}") ;;
            lintian)     packages+=("${LINTIAN[@]}") ;;
            deb-check)   packages+=("${DEB_CHECK[@]}") ;;
            *)           die "no such group: $group" ;;
        esac
    done

    mapfile -t packages < <(missing "${packages[@]}")

    if [ "$test_nginx" ] && has_test_nginx; then
        test_nginx=
    fi

    if [ -z "${packages[*]}$test_nginx" ]; then
        return
    fi

    as_root "${packages[*]} $test_nginx" "$@"

    scratch=$(mktemp -d)
    trap clean_up EXIT

    run "apt-get update" apt update

    if [ "${packages[*]}" ]; then
        install "${packages[@]}"
    fi

    if [ "$test_nginx" ]; then
        install_test_nginx
    fi
}


die() {
    echo "$@" >&2
    exit 1
}


clean_up() {
    rm -rf "$scratch"

    if [ "$policy" ]; then
        rm -f $POLICY
    fi
}


# Prints those of the packages that are not installed.

missing() {
    local installed package

    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" \
                2>/dev/null || true)

    for package; do
        if ! grep -qx "installed $package" <<< "$installed"; then
            echo "$package"
        fi
    done | sort -u
}


# Any way of having it is good, CPAN's included.

has_test_nginx() {
    /usr/bin/perl -e 'exit !grep { -e "$_/Test/Nginx/Socket.pm" } @INC'
}


as_root() {
    local wanted=$1
    shift

    if ! command -v apt-get >/dev/null; then
        die "$0: there is no apt-get here to install: $wanted"
    fi

    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            die "$0: run this as root; to be installed are: $wanted"
        fi

        echo "installing with sudo: $wanted"
        exec sudo -- "$BASH" "$0" "$@"
    fi
}


# Says what it does and keeps quiet about how, unless that fails.

run() {
    local log=$scratch/log

    echo "$1 ..."
    shift

    if ! "$@" >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        die "$0: failed: $*"
    fi
}


apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@"
}


install() {
    local new service

    new=$(missing nginx prometheus)

    hold_services

    run "installing $*" apt --no-install-recommends install "$@"

    for service in $new; do
        if [ -z "$(missing "$service")" ] && command -v systemctl >/dev/null
        then
            systemctl --quiet disable "$service"
        fi
    done
}


# Debian starts a service when it installs or upgrades it: nginx, which serves
# port 80, and Prometheus.  Nobody who builds or tests a module has asked for
# that.  An nginx that runs already is left to Debian.

hold_services() {
    if [ -e $POLICY ]; then
        return
    fi

    policy=yes
    printf '%s\n' '#!/bin/sh' \
        'case "$*" in *nginx*) test -e /run/nginx.pid && exit 0 ;; esac' \
        'exit 101' >$POLICY
    chmod 755 $POLICY
}


install_test_nginx() {
    if apt-cache show libtest-nginx-perl >/dev/null 2>&1; then
        install libtest-nginx-perl

    else
        private_apt_root

        run "apt-get update, with $TEST_NGINX_SUITE" private_apt update

        run "installing libtest-nginx-perl of $TEST_NGINX_SUITE" \
            private_apt --no-install-recommends --no-upgrade --no-remove \
            install libtest-nginx-perl/$TEST_NGINX_SUITE
    fi
}


# What apt reads is copied and the other release is added to the copy: to the
# machine's own configuration nothing changes.  Pinned to -1, the other
# release serves nothing but the package that is asked from it by name.

private_apt_root() {
    local codename uri LISTS PARTS PREFERENCES

    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")

    uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
          'Origin: Debian' "Codename: $codename" | head -n 1)

    if [ -z "$uri" ]; then
        die "$0: no Debian mirror for libtest-nginx-perl:" \
            "try cpan Test::Nginx"
    fi

    eval "$(apt-config shell LISTS Dir::State::lists/d \
            PARTS Dir::Etc::sourceparts/d \
            PREFERENCES Dir::Etc::preferencesparts/d)"

    # apt downloads as a user of its own, which has to reach the folder
    chmod 755 "$scratch"

    mkdir -p "$scratch/cache"
    cp -a "$LISTS" "$scratch/lists"
    cp -a "$PARTS" "$scratch/sources"
    cp -a "$PREFERENCES" "$scratch/preferences"

    cat >"$scratch/sources/test-nginx.sources" <<END
Types: deb
URIs: $uri
Suites: $TEST_NGINX_SUITE
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END

    cat >"$scratch/preferences/test-nginx" <<END
Package: *
Pin: release n=$TEST_NGINX_SUITE
Pin-Priority: -1
END
}


# The other release is one that moves on.  A mirror that does not follow has an
# index that counts as expired, but is still signed by Debian: it will do.

private_apt() {
    apt -o Dir::State::lists="$scratch/lists" \
        -o Acquire::Check-Valid-Until=false \
        -o Dir::Cache="$scratch/cache" \
        -o Dir::Etc::sourceparts="$scratch/sources" \
        -o Dir::Etc::preferencesparts="$scratch/preferences" "$@"
}


main "$@"
