#!/bin/sh
# Every hostile file must end in a clear error: exit 1, an error id on stderr, no crash, in time.
#
# usage: run.sh DLC [SECONDS [WORD]]     DLC: the tool; SECONDS per case (default 5); WORD: only cases whose line has it
#
# cases.txt has one case per line. Then come cases that need a good artifact: it is compiled here, truncated at many
# lengths and changed byte by byte; a change may go unnoticed only where the file still loads and runs.
# Sanitizer reports end in exit codes other than 0 and 1, or name themselves on stderr, and so fail a case.
set -u
dlc=$1 limit=${2:-5} word=${3:-}
here=$(cd "$(dirname "$0")" && pwd)
model=$here/../fixtures/mlp_small.default.onnx data=$here/../fixtures/mlp_small.batch.npz
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0

fail() { # what is wrong, command
  failed=$((failed + 1))
  printf 'FAILED: %s\n  command: %s\n' "$1" "$2"
  sed 's/^/  | /' "$scratch/stderr" | head -n 5
}

# check ALLOWED-EXIT-CODES ID-PATTERN COMMAND-WORDS...
check() {
  allowed=$1 pattern=$2
  shift 2
  timeout -k 2 "$limit" "$dlc" "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
  status=$?
  shown="dlc $*"
  if [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
    fail "ran past $limit s" "$shown"
  elif [ "$status" -gt 9 ] || ! printf '%s' "$allowed" | grep -q "$status"; then
    fail "exit status $status, expected $allowed" "$shown"
  elif grep -qE 'Sanitizer|runtime error:|Assertion|PLEASE submit|Stack dump' "$scratch/stderr"; then
    fail "a crash report" "$shown"
  elif [ "$status" -eq 1 ] && ! grep -qE "DLC[0-9]{4}" "$scratch/stderr"; then
    fail "no error id" "$shown"
  elif [ "$status" -eq 1 ] && ! grep -qE "$pattern" "$scratch/stderr"; then
    fail "no error id that matches $pattern" "$shown"
  else
    passed=$((passed + 1))
  fi
}

table() {
  while read -r file allowed pattern command; do
    case $file in '#'* | '') continue ;; esac
    case "$file $command" in *"$word"*) ;; *) continue ;; esac
    words=
    for part in $command; do
      case $part in
        @) part=$here/files/$file ;;
        %m) part=$model ;;
        %d) part=$data ;;
        %o*) part=$scratch/out${part#%o} ;;
      esac
      words="$words $part"
    done
    # shellcheck disable=SC2086  # paths here hold no blanks
    check "$allowed" "$pattern" $words
  done <"$here/cases.txt"
}

# Changes one byte of a copy of FILE: flip FILE OFFSET OUT
flip() {
  cp "$1" "$3"
  byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  printf "\\$(printf '%03o' $(((byte + 85) % 256)))" | dd of="$3" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

artifacts() {
  good=$scratch/good.dlc
  if ! "$dlc" compile "$model" -o "$good" --entries infer 2>"$scratch/stderr"; then
    fail "a good model does not compile" "dlc compile $model"
    return
  fi
  size=$(wc -c <"$good")
  for part in 1 2 3 5 8 13 21 34 55 89; do
    head -c $((size * part / 100)) "$good" >"$scratch/cut.dlc"
    check 1 DLC5 inspect "$scratch/cut.dlc"
    check 1 DLC5 run "$scratch/cut.dlc" --entry infer --inputs "$data" --outputs "$scratch/out.npz"
  done
  for bytes in 4 8 12 16 20 32 48 64 100; do
    head -c "$bytes" "$good" >"$scratch/cut.dlc"
    check 1 DLC5 inspect "$scratch/cut.dlc"
  done
  at=0
  while [ "$at" -lt 200 ] && [ "$at" -lt "$size" ]; do
    flip "$good" "$at" "$scratch/flip.dlc"
    check 01 DLC5 inspect "$scratch/flip.dlc"
    at=$((at + 7))
  done
  for part in 1 2 4 8 16 30 45 60 75 90 99; do
    flip "$good" $((size * part / 100)) "$scratch/flip.dlc"
    check 01 DLC inspect "$scratch/flip.dlc"
  done
}

# Places that are no regular file: a folder, a pipe without a writer, an unreadable path, a hard link as external data.
places() {
  for ending in onnx npz npy safetensors dlc; do
    mkfifo "$scratch/pipe.$ending"
  done
  check 1 DLC compile "$scratch/pipe.onnx" -o "$scratch/out.dlc"
  for ending in npz npy safetensors; do
    check 1 DLC5 run "$model" --inputs "$scratch/pipe.$ending"
  done
  check 1 DLC5 inspect "$scratch/pipe.dlc"
  check 1 DLC compile "$here/files" -o "$scratch/out.dlc"
  check 1 DLC compile "$model" -o "$scratch/no/such/folder/out.dlc"
  check 1 DLC run "$model" --inputs "$data" --outputs "$scratch/no/such/folder/out.npz"
  mkdir "$scratch/beside"
  cp "$here/files/external_missing.onnx" "$scratch/beside/m.onnx"
  mkfifo "$scratch/beside/no_such_file.bin"
  check 1 DLC compile "$scratch/beside/m.onnx" -o "$scratch/out.dlc"
  rm "$scratch/beside/no_such_file.bin"
  head -c 4096 /dev/zero >"$scratch/secret"
  ln "$scratch/secret" "$scratch/beside/no_such_file.bin"
  check 1 DLC compile "$scratch/beside/m.onnx" -o "$scratch/out.dlc"
}

table
if [ -z "$word" ]; then
  artifacts
  places
fi
printf 'hostile files: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
