# One image for all programs: netattach-operator, netattach-webhooks, netattach-daemon, and the command netattach.
# Build it with tools/image, or with any builder that supports `RUN --mount`. The final stage contains Python, its libraries and the
# programs: no shell, no package manager, no tools. Nothing writes to it at run time, so its root file system can be read-only.
#
# All stages but the last run on the machine that builds, so an image for another architecture needs no emulation to build:
# `--platform linux/arm64`. Its files are those of Debian packages (requirements/debian.lock) and wheels of that architecture.
#
# Two optional secrets are for machines that get packages from a mirror:
#   pip.conf   pip's configuration
#   ca         a bundle of CA certificates; pip.conf may refer to it as /run/secrets/ca
#
# BASE is Debian bookworm. Nothing of it gets into the image, but its Python compiles the image's modules.
ARG BASE=debian:bookworm-slim

FROM --platform=$BUILDPLATFORM ${BASE} AS base
RUN apt-get -q update && apt-get -q -y install --no-install-recommends binutils ca-certificates python3 python3-venv && \
    rm -rf /var/lib/apt/lists/*

# The names of the architecture, in /target: Debian's (arch), that of the kernel and of compilers (machine), and "yes" if it is not
# that of the machine that builds (foreign).
FROM base AS target
ARG TARGETARCH
RUN set -eu; build=$(dpkg --print-architecture); arch=${TARGETARCH:-$build}; \
    case $arch in amd64) machine=x86_64;; arm64) machine=aarch64;; *) echo "netattach has no image for $arch" >&2; exit 1;; esac; \
    [ "$arch" = "$build" ] && foreign= || foreign=yes; \
    [ -z "$foreign" ] || dpkg --add-architecture "$arch"; \
    printf 'arch=%s machine=%s foreign=%s\n' "$arch" "$machine" "$foreign" >/target

# The Debian packages whose files the image has: /debian, with their control files in /var/lib/dpkg/status.d, where vulnerability
# scanners look. LOCKED=yes, for releases: exactly the versions of the lock file. Otherwise newer ones where the mirror has only those.
FROM target AS debian
ARG LOCKED=
COPY requirements/debian.lock /
RUN set -eu; . /target; awk -v arch="$arch" '$3 == arch || $3 == "all"' /debian.lock >/wanted; \
    apt-get -q update; mkdir -p /debs /debian/var/lib/dpkg/status.d; cd /debs; \
    download() { apt-get -q -o APT::Sandbox::User=root download "$@"; }; \
    if download $(awk '{ print $1 ":" ($3 == "all" ? "'"$(dpkg --print-architecture)"'" : $3) "=" $2 }' /wanted); then \
        sha256sum *.deb | cut -d' ' -f1 | sort >/sums; awk '{ print $4 }' /wanted | sort | diff - /sums; \
    elif [ -n "$LOCKED" ]; then \
        echo "the Debian mirror has not all versions of requirements/debian.lock: update it (make lock), or use a mirror that has" \
             "them, such as snapshot.debian.org" >&2; exit 1; \
    else \
        echo "requirements/debian.lock is out of date: taking what the Debian mirror has" >&2; \
        rm -f *.deb; download $(awk -v arch="$arch" '{ print $1 ($3 == "all" ? "" : ":" arch) }' /wanted); \
    fi; \
    for deb in *.deb; do \
        dpkg-deb -x "$deb" /debian; \
        dpkg-deb -f "$deb" | sed '1a Status: install ok installed' >"/debian/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)"; \
    done; rm -rf /debs /var/lib/apt/lists/*

# The shim, with the pinned musl.
FROM debian AS compiler
RUN . /target; apt-get -q update && apt-get -q -y install --no-install-recommends make \
        "gcc${foreign:+-$(echo "$machine" | tr _ -)-linux-gnu}" && rm -rf /var/lib/apt/lists/* && \
    cd /debian && cp -a --parents "usr/lib/$machine-linux-musl" "usr/include/$machine-linux-musl" "usr/bin/$machine-linux-musl-gcc" /

FROM compiler AS shim
COPY pyproject.toml /src/
COPY plugin/shim /src/plugin/shim
RUN . /target; make -C /src/plugin/shim CC="$machine-linux-musl-gcc"

# The Python packages of the lock file. They seldom change, so this stage comes before netattach's own code. The lock also contains
# the build dependencies of the wheel; the image only gets what pyproject.toml requires.
# Of the Kubernetes client it only gets the asyncio half, without the generated classes, which are not used. Packages with an __init__
# that imports all their modules get an empty one: netattach imports modules by their full names, and the others would cost every
# program half a second and 20 MB when it starts.
FROM debian AS packages
WORKDIR /src
COPY requirements/image.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca \
    . /target; /usr/bin/python3 -m venv /opt/build && \
    /opt/build/bin/pip download -q --require-hashes --only-binary :all: -r image.lock -d /wheels \
        --platform "manylinux2014_$machine" --platform "manylinux_2_28_$machine" --platform "manylinux_2_34_$machine" && \
    (cd /wheels && LC_ALL=C sha256sum *.whl) >wheels.sha256 && \
    /opt/build/bin/pip install -q --no-index --find-links /wheels hatchling
COPY pyproject.toml ./
RUN . /target; /usr/bin/python3 -m venv --without-pip /opt/netattach && \
    ln -sf "$(readlink -f /usr/bin/python3)" /opt/netattach/bin/python3 && \
    python3 -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
print(*(need for extra in extras.values() for need in extra if not need.startswith("netattach[")), sep="\n")' >wanted && \
    /opt/build/bin/pip install -q --no-index --no-compile --find-links /wheels --only-binary :all: -r wanted \
        --platform "manylinux2014_$machine" --platform "manylinux_2_28_$machine" --platform "manylinux_2_34_$machine" \
        --target "$(echo /opt/netattach/lib/python3*/site-packages)" --upgrade && \
    cd /opt/netattach/lib/python3*/site-packages && rm -rf bin && \
    find kubernetes -mindepth 1 -maxdepth 1 ! -name aio ! -name __init__.py -exec rm -rf {} + && \
    rm -r kubernetes/aio/client/models/*.py kubernetes/aio/client/api/*.py && \
    for package in kubernetes kubernetes/aio kubernetes/aio/config kubernetes/aio/utils pyroute2 pyroute2/iproute; do \
        : >"$package/__init__.py"; done

# The image without netattach's own code: /image.
# Python and its packages, each module as one file, module.pyc: half the files to unpack. Tracebacks show their line numbers, but
# not their source lines. Modules that no program imports are left out, and modules in C that have twins in Python and hardly any
# work to do: each program has 1 MB less. Time zones are UTC. The packages' licences are kept, and the wheels' checksums, for the
# SBOM.
RUN set -eu; python=$(readlink -f /opt/netattach/bin/python); stdlib=/usr/lib/${python##*/}; \
    mkdir /image; cd /debian; cp -a --parents ".$python" ".$stdlib" var/lib/dpkg/status.d usr/share/doc/*/copyright /image/; \
    cd /; cp -a --parents /opt/netattach /image/; cp /src/wheels.sha256 /image/opt/netattach/; \
    cd "/image$stdlib"; \
    rm -rf site-packages dist-packages __phello__ config-3* ensurepip idlelib lib2to3 pydoc_data test tkinter turtledemo venv \
        curses dbm distutils sitecustomize.py turtle.py antigravity.py this.py EXTERNALLY-MANAGED; \
    find lib-dynload \( -name '_test*' -o -name 'xx*' -o -name '_xx*' -o -name '_ctypes_test*' -o -name '_curses*' -o -name '_dbm*' \
        -o -name '_gdbm*' -o -name '_tkinter*' -o -name 'nis.*' -o -name 'ossaudiodev*' -o -name 'readline*' -o -name '_crypt*' \) -delete; \
    cd /image/opt/netattach/bin; \
    find . -type f -delete; \
    cd ../lib/python3*/site-packages; \
    find . -path './tzdata/zoneinfo/*' ! -name '*.py' ! -name UTC -type f -delete; \
    rm -rf distutils-precedence.pth _distutils_hack cffi pycparser pyroute2/fixtures \
        aiohttp/_websocket/*.so frozenlist/*.so; \
    find . -path '*.dist-info/*' -type f ! -name METADATA ! -name entry_points.txt ! -ipath '*licen[cs]e*' ! -iname '*copying*' \
        ! -iname '*notice*' ! -iname '*authors*' -delete; \
    find . \( -name '*_test.py' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.[ch]' \
        -o -name py.typed \) -delete; \
    cd /image; \
    find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} +; \
    python3 -m compileall -q -b -o 2 -j 0 --invalidation-mode unchecked-hash -s /image -p / "/image$stdlib" /image/opt/netattach/lib; \
    find . -name '*.py' -delete; \
    find . -depth -type d -empty -delete
# The shared libraries that these files need, and what libc and OpenSSL read: names, certificates, settings.
RUN set -eu; cd /debian; \
    find_file() { find . -name "$1" ! -path './lib64/*' ! -path './lib/ld-*' | head -n 1; }; \
    loader=$(readelf -l /image/usr/bin/python3* | sed -n 's/.*interpreter: \(.*\)\]/\1/p'); \
    mkdir -p "/image${loader%/*}"; cp "$(find_file "${loader##*/}")" "/image$loader"; \
    more=yes; while [ -n "$more" ]; do \
        more=; \
        for library in $(find /image -type f \( -name '*.so*' -o -path '/image/usr/bin/*' \) -exec readelf -dW {} + | \
                sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do \
            [ -z "$(find /image -name "$library")" ] || continue; \
            file=$(find_file "$library"); \
            [ -n "$file" ] || { echo "no package in requirements/debian.lock has $library" >&2; exit 1; }; \
            cp -L --parents "$file" /image; more=yes; \
        done; \
    done; \
    cp -L --parents etc/ssl/openssl.cnf /image; \
    cd /image; \
    mkdir -p etc/ssl/certs usr/lib/ssl run tmp; chmod 1777 tmp; ln -s /run var/run; \
    cat /debian/usr/share/ca-certificates/mozilla/*.crt >etc/ssl/certs/ca-certificates.crt; \
    ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem; ln -s /etc/ssl/openssl.cnf usr/lib/ssl/openssl.cnf; \
    printf 'root:x:0:0:root:/:/sbin/nologin\nnetattach:x:65532:65532:netattach:/:/sbin/nologin\n' >etc/passwd; \
    printf 'root:x:0:\nnetattach:x:65532:\n' >etc/group; \
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf; \
    cp /debian/usr/lib/os-release etc/

# netattach's own code: a wheel, unpacked into a tree that is copied over that of the packages. Then every module is imported in what
# becomes the image; an image for another architecture runs in qemu for that.
FROM packages AS programs
RUN . /target; [ -z "$foreign" ] || { apt-get -q update && apt-get -q -y install --no-install-recommends qemu-user-static && \
    rm -rf /var/lib/apt/lists/* && cp "/usr/bin/qemu-$machine-static" /image/qemu; }
COPY . ./
RUN set -eu; . /target; /opt/build/bin/pip wheel -q --no-deps --no-build-isolation --no-index -w /own .; \
    /opt/build/bin/pip --python /opt/netattach/bin/python install -q --no-deps --no-index --no-compile --no-warn-script-location \
        --root /tree /own/*.whl; \
    python3 -m compileall -q -o 2 -j 0 --invalidation-mode unchecked-hash -s /tree /tree; \
    find /tree -path '*.dist-info/*' ! -name METADATA ! -name entry_points.txt -type f -delete; \
    cp -r crds /tree/opt/netattach/; \
    cp -a /tree/. /image/; \
    /usr/sbin/chroot /image ${foreign:+/qemu} /opt/netattach/bin/python -c "import importlib, pkgutil, ssl, sys, sysconfig; \
own = [m.name for m in pkgutil.iter_modules([sysconfig.get_path('purelib')]) if m.name.startswith('netattach_')]; \
every = [m.name for one in own for m in pkgutil.walk_packages([sysconfig.get_path('purelib') + '/' + one], one + '.')]; \
[importlib.import_module(name) for name in every]; \
sys.exit(not every or not ssl.create_default_context().get_ca_certs())"

FROM scratch
COPY --from=packages /image /
COPY --from=shim /src/plugin/shim/build/netattach /src/plugin/shim/build/netattach-probe /opt/netattach/shim/
COPY --from=programs /tree /
# USER: if a platform chooses another user ID, the user has no name in /etc/passwd, but kopf needs one.
ENV PATH=/opt/netattach/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONOPTIMIZE=2 \
    PYTHONUNBUFFERED=1 \
    NETATTACH_CRDS=/opt/netattach/crds \
    NETATTACH_SHIM=/opt/netattach/shim/netattach \
    USER=netattach
LABEL org.opencontainers.image.title=netattach \
      org.opencontainers.image.description="More than one network for Kubernetes pods, safely" \
      org.opencontainers.image.licenses=Apache-2.0
# Not root: only the daemon runs as root, as its DaemonSet specifies.
USER 65532:65532
CMD ["netattach", "--help"]
