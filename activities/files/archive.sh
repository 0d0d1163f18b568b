# The copy job: a directory as a zstd-compressed tar, with its checksum from the same pass.
# Run as: bash -c "$(cat archive.sh)" nightshift STATE SOURCE TARGET LEVEL [FILE THAT MUST BE EMPTY]...
# STATE is the job's own folder; what stands there is the whole truth about the job (jobStatus.sh reads it):
#   process   who runs it (process id, start time of that process, boot of the machine) and since when; made once, so one copy runs
#   total     bytes below SOURCE        progress  mebibytes read so far        log  error output
#   result    "exit=N" and, for 0, facts of the archive; renamed into place when complete, just before the archive is
# Exit: 0 done, 20 the source changed or was not at rest, 21 failed, 75 another process has this job.
set -u
umask 022
state=$1 source=$2 target=$3 level=$4
shift 4
part=$target.part
export TAR_PROGRESS=$state/progress

read -r process_stat <"/proc/$$/stat"
# After the name in parentheses come field 3 and on; field 22 is the start time.
read -r -a fields <<<"${process_stat##*) }"
printf 'processId=%s\nprocessStart=%s\nboot=%s\nbegan=%s\n' "$$" "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)" "$(date +%s)" >"$state/process.$$"
ln "$state/process.$$" "$state/process" 2>/dev/null || { rm -f "$state/process.$$"; exit 75; }
rm -f "$state/process.$$"
exec 2>>"$state/log" </dev/null >/dev/null

finish() { # CODE, then lines for the result
  code=$1
  shift
  printf '%s\n' "exit=$code" "$@" >"$state/result.new"
  sync -- "$state/result.new"
  mv -f -- "$state/result.new" "$state/result"
  sync -- "$state"
}
fail() { # CODE MESSAGE
  printf '%s\n' "$2" >&2
  rm -f -- "$part"
  finish "$1"
  exit "$1"
}
stop() {
  trap '' TERM INT HUP
  # The whole process group: the pipe below ends with this shell.
  kill -TERM -- "-$$" 2>/dev/null
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
[ ! -e "$target" ] || fail 21 "$target is already there"
# Whatever is changed from here on is newer than this file.
: >"$state/marker"
check_at_rest before "$@"
find "$source" -type f -printf '%s\n' | awk '{ bytes += $1 } END { printf "%.0f\n", bytes }' >"$state/total.new" && mv "$state/total.new" "$state/total"

# In the background, so that a signal is answered at once. One checkpoint is 32 records of 1 MiB.
(
  tar --create --directory "$source" --format=posix --pax-option=delete=atime,delete=ctime --record-size=1M \
    --checkpoint=32 --checkpoint-action='exec=echo "$TAR_CHECKPOINT" >"$TAR_PROGRESS"' . |
    zstd "-$level" -T0 -q --stdout |
    tee -- "$part" |
    sha256sum >"$state/sha256"
  echo "${PIPESTATUS[*]}" >"$state/exits"
) &
wait $!
read -r tar_exit zstd_exit tee_exit sum_exit <"$state/exits" || fail 21 'the copy was cut off'
printf 'exit codes: tar %s, zstd %s, tee %s, sha256sum %s\n' "$tar_exit" "$zstd_exit" "$tee_exit" "$sum_exit" >&2

[ "$zstd_exit$tee_exit$sum_exit" = 000 ] || fail 21 'the archive could not be written whole'
[ "$tar_exit" != 1 ] || fail 20 "files in $source changed while they were read"
[ "$tar_exit" = 0 ] || fail 21 "tar could not read all of $source"
newer=$(find "$source" \( -newer "$state/marker" -o -cnewer "$state/marker" \) -print -quit) || fail 21 "$source cannot be searched"
[ -z "$newer" ] || fail 20 "$newer changed during the copy"
check_at_rest after "$@"

size=$(stat -c %s -- "$part")
[ "$size" -gt 0 ] || fail 21 'the archive is empty'
sync -- "$part" || fail 21 'the archive could not be brought to disk'
read -r sha256 _ <"$state/sha256"
trap '' TERM INT HUP
finish 0 "sizeBytes=$size" "sha256=$sha256" "sourceBytes=$(<"$state/total")" "elapsedSeconds=$SECONDS"
mv -n -- "$part" "$target"
sync -- "$(dirname -- "$target")"
