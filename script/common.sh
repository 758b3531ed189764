# Sourced by the other scripts: where the checkout is, and a .venv that is made on first use and again when a lock
# file changes.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# SKYWRITE_PYTHON names another Python, which gets an environment of its own.
venv=$root/.venv${SKYWRITE_PYTHON:+-$SKYWRITE_PYTHON}

# A script that names no help of its own answers --help with its head.
if [ "${1:-}" = --help ] && ! sed -n 2,5p "$0" | grep -q -- --help; then
  sed -n '2,/^[^#]/s/^# //p' "$0" | grep -v ^shellcheck
  exit
fi

fail() { echo "${0##*/}: $*" >&2; exit 1; }

# The Python that is asked for, or the first one that is new enough and can make an environment.
find_python() {
  local python
  for python in ${SKYWRITE_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$python" -I -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  fail "Skywrite needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv)"
}

# prepare_python LOCK...: an environment with the packages of the first LOCK and Skywrite itself. Any LOCK will do when
# it is there already.
prepare_python() {
  local lock wanted
  mkdir -p "$root/.cache"
  exec 8>"$root/.cache/${venv##*/}.lock"
  flock 8
  for lock in "$@"; do
    wanted=$(cat "$root/$lock" "$root/pyproject.toml" | sha256sum)
    [ "$(cat "$venv/.$lock" 2>/dev/null)" = "$wanted" ] && exec 8>&- && return
  done
  lock=$1
  wanted=$(cat "$root/$lock" "$root/pyproject.toml" | sha256sum)
  echo "${0##*/}: preparing ${venv##*/} from $lock (once)" >&2
  "$venv/bin/python" -I -c '' 2>/dev/null || "$(find_python)" -I -m venv --clear "$venv"
  # -I: neither the folder at hand nor PYTHON... variables say which modules run.
  local install=("$venv/bin/python" -I -m pip install --quiet --disable-pip-version-check)
  telling "installing packages" "${install[@]}" --require-hashes -r "$root/$lock"
  "${install[@]}" --no-deps --no-build-isolation -e "$root"
  rm -f "$venv"/.requirements*.lock
  echo "$wanted" >"$venv/.$lock"
  exec 8>&-
}

prepare_to_run() { prepare_python requirements-runtime.lock requirements.lock; }

prepare_to_develop() { prepare_python requirements.lock; }

# prepare_to_release: `release_python` has what makes a release, in an environment without Skywrite itself.
prepare_to_release() {
  local wanted tools=$root/.cache/release-tools
  release_python=$tools/bin/python
  wanted=$(sha256sum <"$root/requirements-release.lock")
  [ "$(cat "$tools/.lock" 2>/dev/null)" = "$wanted" ] && return
  mkdir -p "$root/.cache"
  echo "${0##*/}: preparing .cache/release-tools from requirements-release.lock (once)" >&2
  "$(find_python)" -I -m venv --clear "$tools"
  telling "installing packages" "$release_python" -I -m pip install --quiet --disable-pip-version-check --require-hashes -r "$root/requirements-release.lock"
  echo "$wanted" >"$tools/.lock"
}

missing=()

# want_package PACKAGE FILE...: note a Debian package as missing, unless one of the files (or programs of that name)
# exists.
want_package() {
  local package=$1 file
  shift
  for file in "$@"; do
    if [ -e "$file" ] || command -v "$file" >/dev/null; then return; fi
  done
  missing+=("$package")
}

# need_packages: install as root what is missing; without root, name all of it at once.
need_packages() {
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    fail "these are missing, by the names of their Debian packages: ${missing[*]}"
  elif [ "$(id -u)" != 0 ]; then
    fail "packages are missing; run this as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  echo "${0##*/}: installing ${missing[*]}" >&2
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# telling WHAT COMMAND...: run a command, and say each half minute that it still runs. The loop ends with the pipe that
# this script holds, so nothing is left behind, however the script ends.
telling() {
  local what=$1 alive code=0
  shift
  exec {alive}> >(tell "$what")
  "$@" {alive}>&- || code=$?
  exec {alive}>&-
  return $code
}

tell() {
  local began=$SECONDS ended=0
  while [ "$ended" != 1 ]; do
    ended=0
    read -r -t 30 || ended=$?
    [ "$ended" = 1 ] || echo "${0##*/}: $1 ($((SECONDS - began)) s)" >&2
  done
}
