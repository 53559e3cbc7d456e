#!/bin/sh
# Installs the product from this checkout into a folder of its own, from nothing but the files that
# requirements.lock names by their hashes. The image and the GitHub action do it by this one way.
#
#   install.sh fetch WHEELS                     wheels of everything that the lock names
#   install.sh install WHEELS FOLDER [EXTRAS]   FOLDER/bin/promoter, without the network
#
# EXTRAS is a list with commas, as pyproject.toml has them: serve,otel. PYTHON says which Python.
set -eu
here=$(dirname "$0")/..

python=${PYTHON:-python3}
if ! "$python" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "install.sh: '$python' is not Python 3.11 or newer with venv; say where one is: PYTHON=..." >&2
    exit 1
fi

pip() { "$wheels/tools/bin/python" -m pip --quiet --disable-pip-version-check --no-input "$@"; }

wheels=$2
case $1 in
fetch)
    # A pip of our own: the system's may be too old, or closed to us.
    "$python" -m venv "$wheels/tools"
    # The lock also names what only development needs; it is fetched and not installed.
    pip download --no-deps --only-binary :all: --require-hashes \
        --requirement "$here/requirements.lock" --dest "$wheels"
    ;;
install)
    # Nothing but the wheels whose hashes were compared above: what builds ours is among them too.
    pip wheel --no-deps --no-index --find-links "$wheels" --wheel-dir "$wheels" "$here"
    "$python" -m venv --without-pip "$3"
    pip --python "$3/bin/python" install --no-compile --no-index --find-links "$wheels" \
        "promoter[${4:-}]"
    # By content, not by time: such files stay right when they are copied, and are never written
    # again, as on a read-only file system they could not be.
    "$3/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$3/lib"
    ;;
*)
    echo "install.sh: fetch WHEELS, or install WHEELS FOLDER [EXTRAS]" >&2
    exit 64
    ;;
esac
