# Shared by quickstart.sh and test.sh: packages and build set-up. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\n==> %s\n' "$*" >&2; }  # stdout is for answers
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root: run this as root, install sudo, or install what deploy/packages.txt names by hand"
  fi
}

# install_packages [tests]: what deploy/packages.txt names and this machine lacks. Does nothing, not even ask apt, when all is
# there.
install_packages() {
  local wanted missing without='# tests$'
  [ "${1:-}" != tests ] || without='^#'
  wanted=$(sed -e "/$without/d" -e 's/#.*//' "$root/deploy/packages.txt" | tr -s ' \n' '\n')
  missing=$(for name in $wanted; do
    dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q '^install ok installed$' || echo "$name"
  done)
  [ -n "$missing" ] || return 0
  say "Installing $(wc -w <<<"$missing") Debian packages"
  command -v apt-get >/dev/null || die "this is not a Debian or Ubuntu system: install the equivalents of deploy/packages.txt by hand"
  as_root apt-get update -q
  # shellcheck disable=SC2086  # one word a package
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
}

# ccache makes the second build quick; nothing depends on it.
use_ccache() {
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
  fi
}
