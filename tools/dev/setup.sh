# Shared by tools/quickstart and tools/check; sourced by bash in the repository's root.
# install_packages, configure DIR [OPTION…], build DIR [TARGET…]; each says what it does and returns non-zero on failure.

say() { printf '\n== %s\n' "$*"; }

jobs_count() { nproc 2>/dev/null || echo 2; }

# Installs what tools/packages.txt lists and this system lacks.
install_packages() {
  local missing=() package
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "not a Debian system: expecting the packages of tools/packages.txt (or their like) to be installed"
    return 0
  fi
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done <tools/packages.txt
  [ ${#missing[@]} -gt 0 ] || return 0

  say "installing ${#missing[@]} packages: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "installing packages needs root: run this once as root, or install sudo" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -q || return 1
  if ! apt-cache policy llvm-22-dev | grep -q 'Candidate: [^(]'; then
    cat >&2 <<'ADVICE'
LLVM 22 is needed, and this system's package sources do not carry llvm-22-dev.
Debian 12 has it in its security archive (suite bookworm-security): add that to the package sources. For other systems
the LLVM project publishes packages of every release.
ADVICE
    return 1
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# configure DIR [OPTION…]: a release build, once; a build folder that is configured stays as it is.
# The compiler is clang 22, or the environment's: CXX=g++ (12 or newer), with the C compiler of the same name unless CC is set.
configure() {
  local folder=$1 cxx=${CXX:-clang++-22} cc
  shift
  [ -f "$folder/build.ninja" ] && return 0
  cc=${cxx/clang++/clang} cc=${CC:-${cc/g++/gcc}}
  say "configuring $folder with $cxx"
  cmake -G Ninja -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_CXX_COMPILER="$cxx" "$@"
}

# build DIR [TARGET…]: with ninja's count of steps as the progress bar.
build() {
  local folder=$1
  shift
  say "building $folder"
  NINJA_STATUS='[%f/%t, %es] ' ninja -C "$folder" -j "$(jobs_count)" "$@"
}
