# One image for all programs: netattach-operator, netattach-webhooks, netattach-daemon, and the command netattach.
# Build it with tools/image, or with any builder that knows `RUN --mount`. The final stage has no compiler, no pip, no package
# lists; nothing in it is written at run time, so its root file system can be read-only.
#
# The two secrets are for machines that get their packages through something of their own, and optional:
#   pip.conf   pip's configuration
#   ca         a bundle of CA certificates; pip.conf may name it as /run/secrets/ca
ARG BASE=debian:bookworm-slim

# What the programs stand on. A BASE that has Python already is left as it is.
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

# The Python packages, as the lock file names them. They change seldom, so they come before anything of ours. The lock has what
# builds our wheel too; the image gets only what pyproject.toml asks for, and of the client of Kubernetes not the generated classes
# (two thirds of everything), which are imported on first use and which we never use.
FROM pip AS packages
WORKDIR /src
COPY requirements/image.lock ./
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/build/bin/pip download -q --require-hashes --only-binary :all: -r image.lock -d /wheels && \
    /opt/build/bin/pip install -q --no-index --find-links /wheels hatchling
COPY pyproject.toml ./
RUN python3 -m venv --without-pip /opt/netattach && \
    python3 -c 'import tomllib; extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; \
print(*(need for extra in extras.values() for need in extra if not need.startswith("netattach[")), sep="\n")' >wanted && \
    /opt/build/bin/pip --python /opt/netattach/bin/python install -q --no-index --no-compile --find-links /wheels -r wanted && \
    find /opt/netattach/lib/python3*/site-packages/kubernetes -path '*/client/*' \( -path '*/models/*.py' -o -path '*/api/*.py' \) \
        ! -name __init__.py -delete && \
    python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/netattach/lib

# Our own code: a wheel, unpacked into a tree that is laid over the packages' one.
FROM packages AS programs
COPY . ./
RUN /opt/build/bin/pip wheel -q --no-deps --no-build-isolation --no-index -w /own . && \
    /opt/build/bin/pip --python /opt/netattach/bin/python install -q --no-deps --no-index --no-compile --no-warn-script-location \
        --root /tree /own/*.whl && \
    python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -s /tree /tree && \
    cp -r crds /tree/opt/netattach/
# All of it finds what it needs.
RUN PYTHONPATH=$(echo /tree/opt/netattach/lib/python3*/site-packages) PYTHONDONTWRITEBYTECODE=1 /opt/netattach/bin/python -c \
    'import importlib, os, pkgutil, sys; own = os.environ["PYTHONPATH"]; \
[importlib.import_module(m.name) for m in pkgutil.walk_packages([own]) if not m.name.endswith("__main__")]; \
sys.exit(not any(m.startswith("netattach_") for m in sys.modules))'

FROM base
COPY --from=packages /opt/netattach /opt/netattach
COPY --from=shim /src/plugin/shim/build/netattach /opt/netattach/shim/netattach
COPY --from=programs /tree /
# USER: the user has no name in /etc/passwd, also where a platform chooses another number, and kopf wants one.
ENV PATH=/opt/netattach/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    NETATTACH_CRDS=/opt/netattach/crds \
    NETATTACH_SHIM=/opt/netattach/shim/netattach \
    USER=netattach
LABEL org.opencontainers.image.title=netattach \
      org.opencontainers.image.description="More than one network for Kubernetes pods, safely" \
      org.opencontainers.image.licenses=Apache-2.0
# Nobody: the daemon alone is root, and its DaemonSet says so.
USER 65532:65532
CMD ["netattach", "--help"]
