# Whether the process of a copy job lives, by what archive.sh wrote. Wants state; gives processId and began.
is_alive() {
  # shellcheck disable=SC1091 # made by archive.sh
  . "$state/process"
  [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || return 1
  { read -r process_stat <"/proc/$processId/stat"; } 2>/dev/null || return 1
  read -r -a fields <<<"${process_stat##*) }"
  # A process id is used again; its start time is not. A zombie has ended.
  [ "${fields[19]}" = "$processStart" ] && [ "${fields[0]}" != Z ]
}
# Whether any process of the job lives: its pipe goes on for a moment after its shell, and to its end when the shell alone was killed.
is_any_alive() {
  is_alive && return 0
  [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || return 1
  # The number of a group is free for another only when all of it has ended; then a leader of that number is somebody else's.
  if { read -r process_stat <"/proc/$processId/stat"; } 2>/dev/null; then
    read -r -a fields <<<"${process_stat##*) }"
    [ "${fields[19]}" = "$processStart" ] || return 1
  fi
  for stat_file in /proc/[0-9]*/stat; do
    { read -r process_stat <"$stat_file"; } 2>/dev/null || continue
    process_stat=${process_stat##*) }
    process_state=${process_stat%% *}
    process_stat=${process_stat#* * }
    [ "${process_stat%% *}" = "$processId" ] && [ "$process_state" != Z ] && return 0
  done
  return 1
}
