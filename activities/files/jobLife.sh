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
