#!/bin/bash
# Installs Aegis below a prefix, from this checkout or from a release file, and removes it again.
set -euo pipefail

readonly kList=share/aegis/installed # below the prefix: every file that was put there

usage() {
  cat <<'TEXT'
Usage: packaging/install.sh [--prefix DIR] [--from FILE [--sums FILE]] [--dry-run]
       packaging/install.sh --uninstall [--prefix DIR]

Without --from, builds this checkout (make build) and installs what it made.

  --prefix DIR   where to install (default: /usr/local as root, else ~/.local)
  --from FILE    a release: aegis-VERSION-linux-ARCH.tar.gz or aegis_VERSION_ARCH.deb
  --sums FILE    the SHA256SUMS that FILE must stand in (default: beside FILE)
  --dry-run      only print which files would be written, or removed; a checkout is built
  --uninstall    remove what was installed below DIR; $AEGIS_HOME (~/.aegis) stays
  --help         show this help

Writes only below the prefix, and in a checkout its build directory. An installation that is
there is replaced by the new one. Packages of Debian 12 that are missing are named, not installed.
TEXT
}

die() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

# Fails unless the release is to the bit what the sums say.
verify() {
  local file=$1 sums=$2 name want
  name=$(basename "$file")
  [[ -r $sums ]] || die "$sums: not there, and $name is not installed unverified (--sums)"
  want=$(awk -v name="$name" '$2 == name || $2 == "*" name { print $1; exit }' "$sums")
  [[ -n $want ]] || die "$sums says nothing of $name"
  [[ $(sha256sum <"$file" | cut -d' ' -f1) == "$want" ]] || die "$name is not what $sums says"
}

# Puts what FILE holds into TREE as bin/ and share/.
unpack() {
  local file=$1 tree=$2
  mkdir -p "$tree"
  case $file in
    *.tar.gz) tar -xzf "$file" -C "$tree" --strip-components=1 --no-same-owner ;;
    *.deb)
      command -v dpkg-deb >/dev/null || die "no dpkg-deb here: use the .tar.gz"
      dpkg-deb -x "$file" "$tree/deb"
      mv "$tree"/deb/usr/* "$tree/"
      rm -rf "$tree/deb"
      ;;
    *) die "$file: neither .tar.gz nor .deb" ;;
  esac
  [[ -x $tree/bin/aegis ]] || die "$file holds no bin/aegis"
}

build_checkout() {
  local tree=$1 source_dir
  source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
  [[ -f $source_dir/CMakeLists.txt ]] || die "no checkout here: name a release with --from"
  make --no-print-directory -C "$source_dir" build >&2
  (cd "$source_dir" && cmake --install "${AEGIS_BUILD_DIR:-build/release}" --prefix "$tree" --strip >/dev/null)
}

# A missing library shows now, not at the first run.
check_libraries() {
  local missing
  missing=$(ldd "$1/bin/aegis" 2>/dev/null | awk '/not found/ { print $1 }' | tr '\n' ' ')
  [[ -z $missing ]] || die "libraries are missing: $missing(Debian 12: apt-get install libssl3 libsqlite3-0 libidn2-0)"
}

# Removes the files of the list, and the directories that were left empty by it.
uninstall() {
  local prefix=$1 file
  [[ -f $prefix/$kList ]] || die "nothing was installed below $prefix by install.sh"
  while IFS= read -r file; do
    [[ $file == /* || $file == *..* ]] && die "$prefix/$kList is damaged: $file"
    rm -f -- "$prefix/$file"
    (cd "$prefix" && rmdir -p --ignore-fail-on-non-empty -- "$(dirname "$file")" 2>/dev/null) || true
  done <"$prefix/$kList"
  rm -f -- "$prefix/$kList"
  (cd "$prefix" && rmdir -p --ignore-fail-on-non-empty -- "$(dirname "$kList")" 2>/dev/null) || true
}

# Copies TREE below PREFIX; each file appears whole.
install_tree() {
  local tree=$1 prefix=$2 file
  if [[ -f $prefix/$kList ]]; then
    uninstall "$prefix"
  fi
  mkdir -p "$prefix/$(dirname "$kList")"
  (cd "$tree" && find . -type f -printf '%P\n' | sort) >"$prefix/$kList"
  while IFS= read -r file; do
    mkdir -p "$prefix/$(dirname "$file")"
    cp -- "$tree/$file" "$prefix/$file.new"
    mv -- "$prefix/$file.new" "$prefix/$file"
  done <"$prefix/$kList"
}

main() {
  local prefix='' from='' sums='' dry=0 remove=0
  while (($# > 0)); do
    case $1 in
      --prefix | --from | --sums) (($# > 1)) || die "$1 needs a value" ;;&
      --prefix) prefix=$2 && shift ;;
      --from) from=$2 && shift ;;
      --sums) sums=$2 && shift ;;
      --dry-run) dry=1 ;;
      --uninstall) remove=1 ;;
      -h | --help) usage && exit 0 ;;
      *) die "unknown argument $1 (see --help)" ;;
    esac
    shift
  done
  if [[ -z $prefix ]]; then
    if [[ $(id -u) == 0 ]]; then prefix=/usr/local; else prefix=${HOME:?}/.local; fi
  fi
  umask 022
  if ((remove && dry)); then
    [[ -f $prefix/$kList ]] || die "nothing was installed below $prefix by install.sh"
    sed "s|^|$prefix/|" "$prefix/$kList"
    return
  fi
  if ((remove)); then
    uninstall "$prefix"
    echo "removed from $prefix"
    return
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if [[ -n $from ]]; then
    [[ -f $from ]] || die "$from: no such file"
    verify "$from" "${sums:-$(dirname "$from")/SHA256SUMS}"
    unpack "$from" "$work/tree"
  else
    build_checkout "$work/tree"
  fi
  check_libraries "$work/tree"
  if ((dry)); then
    (cd "$work/tree" && find . -type f -printf "$prefix/%P\n" | sort)
    return
  fi
  install_tree "$work/tree" "$prefix"
  echo "installed $("$prefix/bin/aegis" --version) below $prefix"
  [[ :$PATH: == *:$prefix/bin:* ]] || echo "add $prefix/bin to PATH"
}

main "$@"
