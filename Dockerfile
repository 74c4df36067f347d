# One image for all programs: netattach-operator, netattach-webhooks, netattach-daemon, and the command netattach.
# Build it with tools/image, or with any builder that supports `RUN --mount`. The final stage contains Python, its libraries and the
# programs: no shell, no package manager, no tools. Nothing writes to it at run time, so its root file system can be read-only.
#
# Two optional secrets are for machines that get packages from a mirror:
#   pip.conf   pip's configuration
#   ca         a bundle of CA certificates; pip.conf may refer to it as /run/secrets/ca
ARG BASE=debian:bookworm-slim

# What the programs run on. Nothing is installed if BASE already has Python.
FROM ${BASE} AS base
RUN command -v python3 >/dev/null || { \
        apt-get -q update && apt-get -q -y install --no-install-recommends ca-certificates python3-minimal python3 && \
        rm -rf /var/lib/apt/lists/*; }

FROM base AS compiler
RUN apt-get -q update && apt-get -q -y install --no-install-recommends gcc make musl-tools && rm -rf /var/lib/apt/lists/*

FROM compiler AS shim
COPY pyproject.toml /src/
COPY plugin/shim /src/plugin/shim
RUN make -C /src/plugin/shim

FROM base AS pip
RUN apt-get -q update && apt-get -q -y install --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/* && \
    python3 -m venv /opt/build

# The Python packages of the lock file. They seldom change, so this stage comes before netattach's own code. The lock also contains
# the build dependencies of the wheel; the image only gets what pyproject.toml requires.
# Of the Kubernetes client it only gets the asyncio half, without the generated classes, which are not used. Packages with an __init__
# that imports all their modules get an empty one: netattach imports modules by their full names, and the others would cost every
# program half a second and 20 MB when it starts.
FROM pip AS packages
WORKDIR /src
COPY requirements/image.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/build/bin/pip download -q --require-hashes --only-binary :all: -r image.lock -d /wheels && \
    /opt/build/bin/pip install -q --no-index --find-links /wheels hatchling
COPY pyproject.toml ./
# By its real path, because the image does not have the symbolic links.
RUN "$(readlink -f "$(command -v python3)")" -m venv --without-pip /opt/netattach && \
    python3 -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
print(*(need for extra in extras.values() for need in extra if not need.startswith("netattach[")), sep="\n")' >wanted && \
    /opt/build/bin/pip --python /opt/netattach/bin/python install -q --no-index --no-compile --find-links /wheels -r wanted && \
    cd /opt/netattach/lib/python3*/site-packages && \
    find kubernetes -mindepth 1 -maxdepth 1 ! -name aio ! -name __init__.py -exec rm -rf {} + && \
    rm -r kubernetes/aio/client/models/*.py kubernetes/aio/client/api/*.py && \
    for package in kubernetes kubernetes/aio kubernetes/aio/config kubernetes/aio/utils pyroute2 pyroute2/iproute; do \
        : >"$package/__init__.py"; done

# The image without netattach's own code: /image.
# Python and its packages, each module as one file, module.pyc: half the files to unpack. Tracebacks show their line numbers, but
# not their source lines. Modules that no program imports are left out. Time zones are UTC. The packages' licences are kept.
RUN set -eu; python=$(readlink -f /opt/netattach/bin/python); \
    stdlib=$(/opt/netattach/bin/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'); \
    mkdir /image; cd /; cp -a --parents "$python" "$stdlib" /opt/netattach /image/; \
    cd "/image$stdlib"; \
    rm -rf site-packages dist-packages __phello__ config-3* ensurepip idlelib lib2to3 pydoc_data test tkinter turtledemo venv \
        curses dbm distutils sitecustomize.py turtle.py antigravity.py this.py EXTERNALLY-MANAGED; \
    find lib-dynload \( -name '_test*' -o -name 'xx*' -o -name '_xx*' -o -name '_ctypes_test*' -o -name '_curses*' -o -name '_dbm*' \
        -o -name '_gdbm*' -o -name '_tkinter*' -o -name 'nis.*' -o -name 'ossaudiodev*' -o -name 'readline*' -o -name '_crypt*' \) -delete; \
    cd /image/opt/netattach/bin; \
    find . -type f -delete; \
    cd ../lib/python3*/site-packages; \
    find . -path './tzdata/zoneinfo/*' ! -name '*.py' ! -name UTC -type f -delete; \
    rm -rf distutils-precedence.pth _distutils_hack cffi pycparser pyroute2/fixtures; \
    find . -path '*.dist-info/*' -type f ! -name METADATA ! -name entry_points.txt ! -ipath '*licen[cs]e*' ! -iname '*copying*' \
        ! -iname '*notice*' ! -iname '*authors*' -delete; \
    find . \( -name '*_test.py' -o -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.[ch]' \
        -o -name py.typed \) -delete; \
    cd /image; \
    find . -type d \( -name tests -o -name test -o -name __pycache__ \) -prune -exec rm -rf {} +; \
    python3 -m compileall -q -b -o 2 -j 0 --invalidation-mode unchecked-hash -s /image -p / "/image$stdlib" /image/opt/netattach/lib; \
    find . -name '*.py' -delete; \
    find . -depth -type d -empty -delete
# The shared libraries, and the files that libc and OpenSSL read: names, certificates, settings. The Debian packages that files came
# from are listed in /var/lib/dpkg/status.d, where vulnerability scanners look.
RUN set -eu; cd /; \
    { readlink -f /opt/netattach/bin/python; find /image -name '*.so*' -type f; } | xargs ldd 2>/dev/null | \
        sed -n 's/^[^/]*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*ld-[^ ]*\) .*/\1/p' | \
        grep -v site-packages | sort -u >/libraries; \
    xargs cp -L --parents -t /image </libraries; \
    [ ! -f /etc/ld.so.conf ] || cp -a --parents /etc/ld.so.conf* /image; \
    cd /image; \
    mkdir -p etc/ssl/certs run tmp var/lib/dpkg/status.d; chmod 1777 tmp; ln -s /run var/run; \
    cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/; \
    /opt/netattach/bin/python -c 'import ssl; print(ssl.get_default_verify_paths().openssl_cafile)' >/cafile; \
    mkdir -p ".$(dirname "$(cat /cafile)")"; ln -s /etc/ssl/certs/ca-certificates.crt ".$(cat /cafile)"; \
    settings=$(dirname "$(cat /cafile)")/openssl.cnf; [ ! -f "$settings" ] || cp -L "$settings" ".$settings"; \
    printf 'root:x:0:0:root:/:/sbin/nologin\nnetattach:x:65532:65532:netattach:/:/sbin/nologin\n' >etc/passwd; \
    printf 'root:x:0:\nnetattach:x:65532:\n' >etc/group; \
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf; \
    [ ! -f /etc/os-release ] || cp -L /etc/os-release etc/; \
    [ ! -f /etc/ld.so.conf ] || { PATH=$PATH:/usr/sbin:/sbin ldconfig -r .; rm -rf etc/ld.so.conf* var/cache/ldconfig; }; \
    stdlib=$(/opt/netattach/bin/python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))'); \
    for file in $(readlink -f /opt/netattach/bin/python "$stdlib/os.py" "$stdlib/asyncio/__init__.py" $(cat /libraries)); do \
        dpkg -S "$file" "${file#/usr}" 2>/dev/null | sed 's/: .*//; s/,.*//'; \
    done | sort -u | while read -r package; do \
        dpkg -s "$package" >"var/lib/dpkg/status.d/${package%:*}"; \
        copyright=usr/share/doc/${package%:*}/copyright; \
        [ ! -f "/$copyright" ] || { mkdir -p "$(dirname "$copyright")"; cp "/$copyright" "$copyright"; }; \
    done

# netattach's own code: a wheel, unpacked into a tree that is copied over that of the packages.
FROM packages AS programs
COPY . ./
RUN /opt/build/bin/pip wheel -q --no-deps --no-build-isolation --no-index -w /own . && \
    /opt/build/bin/pip --python /opt/netattach/bin/python install -q --no-deps --no-index --no-compile --no-warn-script-location \
        --root /tree /own/*.whl && \
    python3 -m compileall -q -o 2 -j 0 --invalidation-mode unchecked-hash -s /tree /tree && \
    find /tree -path '*.dist-info/*' ! -name METADATA ! -name entry_points.txt -type f -delete && \
    cp -r crds /tree/opt/netattach/

FROM scratch
COPY --from=packages /image /
COPY --from=shim /src/plugin/shim/build/netattach /opt/netattach/shim/netattach
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
# Checks that every module can be imported in this image.
RUN ["/opt/netattach/bin/python", "-c", "import importlib, pkgutil, ssl, sys, sysconfig; \
own = [m.name for m in pkgutil.iter_modules([sysconfig.get_path('purelib')]) if m.name.startswith('netattach_')]; \
every = [m.name for one in own for m in pkgutil.walk_packages([sysconfig.get_path('purelib') + '/' + one], one + '.')]; \
[importlib.import_module(name) for name in every]; \
sys.exit(not every or not ssl.create_default_context().get_ca_certs())"]
CMD ["netattach", "--help"]
