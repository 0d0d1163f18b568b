# Unpacks an archive into an empty directory and proves its checksum in the same pass.
# Run as: bash -c "$(cat unpack.sh)" nightshift ARCHIVE SHA256 DIRECTORY
# Exit: 0 done, 21 failed, 22 the directory is not empty, 30 wrong checksum. What was unpacked is removed again unless 0.
set -u
archive=$1 sha256=$2 directory=$3
# Says that the content of the directory is ours: a second attempt may begin anew. Held locked while an attempt runs.
claim=$directory.unpacking

mkdir -p -- "$directory" || exit 21
if [ ! -e "$claim" ] && [ -n "$(ls -A -- "$directory")" ]; then
  echo "$directory is not empty" >&2
  exit 22
fi
exec 9<>"$claim" || exit 21
if ! flock -n 9; then
  # An attempt whose caller is gone. The lock proves that it still runs, so its process group is its own.
  kill -TERM -- "-$(<"$claim")"
  flock -w 20 9 || { echo "another attempt at $directory does not end" >&2; exit 21; }
fi
# Written in place: the lock belongs to this very file.
: >"$claim"
echo $$ >&9

clear_directory() { find "$directory" -mindepth 1 -delete; }
give_up() { # CODE MESSAGE
  echo "$2" >&2
  clear_directory
  rm -f -- "$claim" "$claim.pipe" "$claim.sum"
  exit "$1"
}
clear_directory || exit 21

rm -f -- "$claim.pipe"
mkfifo -- "$claim.pipe"
sha256sum <"$claim.pipe" >"$claim.sum" &
sum_job=$!
# tar stops at the end mark; the padding after it is read too, or zstd and tee would die of a closed pipe.
tee -- "$claim.pipe" <"$archive" | zstd -dcq -T0 | {
  tar --extract --directory "$directory"
  code=$?
  cat >/dev/null
  exit "$code"
}
exits="${PIPESTATUS[*]}"
wait "$sum_job"
read -r sum _ <"$claim.sum"
# The checksum first: a damaged archive also breaks zstd and tar, and the damage is what matters.
if [ "$exits" != '0 0 0' ] && [ "$(sha256sum <"$archive" | cut -d ' ' -f 1)" = "$sha256" ]; then give_up 21 "exit codes of tee, zstd and tar: $exits"; fi
[ "$sum" = "$sha256" ] || give_up 30 "sha256 of $archive is $sum"
sync -f -- "$directory"
rm -f -- "$claim" "$claim.pipe" "$claim.sum"
