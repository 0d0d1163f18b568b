# Which process a job is, and whether it lives. A process id is used again; with its start time and the boot of the machine it is not.
boot_now=$(</proc/sys/kernel/random/boot_id)
# Gives process_state, process_group and process_start of a process; fails when there is none.
read_process() { # PROCESS ID
  { read -r process_stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  # After the name in parentheses come field 3 and on: the state, the group is field 5, the start time field 22.
  read -r -a fields <<<"${process_stat##*) }"
  process_state=${fields[0]} process_group=${fields[2]} process_start=${fields[19]}
}
# Whether the job's own process lives. Wants state; gives processId and began.
is_alive() {
  # shellcheck disable=SC1091 # made by runJob.sh
  . "$state/process"
  [ "$boot" = "$boot_now" ] && read_process "$processId" || return 1
  # A zombie has ended.
  [ "$process_start" = "$processStart" ] && [ "$process_state" != Z ]
}
# Whether any process of the job lives: its commands go on for a moment after its shell, and to their end when the shell alone was killed.
is_any_alive() {
  is_alive && return 0
  [ "$boot" = "$boot_now" ] || return 1
  # The number of a group is free for another only when all of it has ended; then a leader of that number is somebody else's.
  if read_process "$processId" && [ "$process_start" != "$processStart" ]; then return 1; fi
  for stat_file in /proc/[0-9]*/stat; do
    { read -r process_stat <"$stat_file"; } 2>/dev/null || continue
    process_stat=${process_stat##*) }
    process_state=${process_stat%% *}
    process_stat=${process_stat#* * }
    [ "${process_stat%% *}" = "$processId" ] && [ "$process_state" != Z ] && return 0
  done
  return 1
}
