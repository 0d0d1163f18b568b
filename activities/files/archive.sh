# The copy job: a directory as a zstd-compressed tar, with its checksum from the same pass. Run as a job (runJob.sh), which gives JOB_DIRECTORY.
# Run as: bash -c "$(cat archive.sh)" nightshift SOURCE TARGET LEVEL [FILE THAT MUST BE EMPTY]...
# progress: bytes read, bytes below SOURCE. outcome: JSON with sizeBytes, sha256, sourceBytes; before the archive gets its name.
# Exit: 0 done, 20 the source changed or was not at rest, 21 failed.
set -u
umask 022
source=$1 target=$2 level=$3
shift 3
part=$target.part
cd -- "$JOB_DIRECTORY" || exit 21

fail() { # CODE MESSAGE
  printf '%s\n' "$2"
  rm -f -- "$part"
  exit "$1"
}
stop() {
  trap '' TERM INT HUP
  # The whole process group, and the job with it: the pipe below ends with this shell.
  kill -TERM 0
  wait
  fail 21 'stopped by a signal'
}
trap stop TERM INT HUP

check_at_rest() { # WHEN, then files
  when=$1
  shift
  for file in "$@"; do
    [ -f "$source/$file" ] || fail 20 "$when the copy $file is missing in $source"
    [ ! -s "$source/$file" ] || fail 20 "$when the copy $file in $source is not empty: its process did not stop cleanly, or runs"
  done
}

[ -d "$source" ] || fail 21 "$source is no directory"
# Not what this job has made: a target without a record is somebody else's.
if [ -e "$target" ]; then
  echo "$target is there without a record"
  exit 21
fi
# Whatever is changed from here on is newer than this file.
: >marker
check_at_rest before "$@"
total=$(find "$source" -type f -printf '%s\n' | awk '{ bytes += $1 } END { printf "%.0f", bytes }')
echo "0 $total" >progress
export total

# In the background, so that a signal is answered at once. One checkpoint is 32 records of 1 MiB. Headers count too: never more than the whole.
(
  tar --create --directory "$source" --format=posix --pax-option=delete=atime,delete=ctime --record-size=1M --checkpoint=32 \
    --checkpoint-action='exec=read=$((TAR_CHECKPOINT << 20)); [ "$read" -lt "$total" ] || read=$total; echo "$read $total" >"$JOB_DIRECTORY/progress"' . |
    zstd "-$level" -T0 -q --stdout |
    tee -- "$part" |
    sha256sum >sha256
  echo "${PIPESTATUS[*]}" >exits
) &
wait $!
read -r tar_exit zstd_exit tee_exit sum_exit <exits || fail 21 'the copy was cut off'
printf 'exit codes: tar %s, zstd %s, tee %s, sha256sum %s\n' "$tar_exit" "$zstd_exit" "$tee_exit" "$sum_exit"

[ "$zstd_exit$tee_exit$sum_exit" = 000 ] || fail 21 'the archive could not be written whole'
[ "$tar_exit" != 1 ] || fail 20 "files in $source changed while they were read"
[ "$tar_exit" = 0 ] || fail 21 "tar could not read all of $source"
newer=$(find "$source" \( -newer marker -o -cnewer marker \) -print -quit) || fail 21 "$source cannot be searched"
[ -z "$newer" ] || fail 20 "$newer changed during the copy"
check_at_rest after "$@"

size=$(stat -c %s -- "$part")
[ "$size" -gt 0 ] || fail 21 'the archive is empty'
sync -- "$part" || fail 21 'the archive could not be brought to disk'
read -r sha256 _ <sha256
trap '' TERM INT HUP
printf '{"sizeBytes":%s,"sha256":"%s","sourceBytes":%s}\n' "$size" "$sha256" "$total" >outcome
mv -n -- "$part" "$target"
sync -- "$(dirname -- "$target")"
