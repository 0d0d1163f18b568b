# The job itself, away from whoever started it: runs the command once and records its end.
# Run as: bash -c "$(cat jobLife.sh runJob.sh)" nightshift STATE USER|"" DIRECTORY COUNT [VARIABLE=VALUE]... COMMAND [ARGUMENT]...
# STATE is the job's folder; what stands there is the whole truth about the job (jobStatus.sh reads it):
#   process   who runs it (process id, start time of that process, boot of the machine) and since when; made once, so one command runs
#   log.1 log end of what the command said: at most 4 MiB each, the older part first
#   result    "exit=N" and for how long it ran; renamed into place when complete
#   own       folder of the command, which it knows as JOB_DIRECTORY. It may write there
#               progress  one line: bytes done, bytes in all (0: not known)
#               outcome   what there is to tell at the end, at most 16 KiB
#             and finds its secrets there, in secrets; they go with its end.
# Exit: the command's, 71 it could not be begun, 75 another process has this job.
set -u
umask 022
state=$1 run_as=$2 directory=$3 count=$4
shift 4
environment=("${@:1:count}")
shift "$count"
own=$state/own

read_process "$$"
printf 'processId=%s\nprocessStart=%s\nboot=%s\nbegan=%s\n' "$$" "$process_start" "$boot_now" "$(date +%s)" >"$state/process.$$"
ln "$state/process.$$" "$state/process" 2>/dev/null || { rm -f "$state/process.$$"; exit 75; }
rm -f "$state/process.$$"
exec 2>>"$state/log" </dev/null >/dev/null

finish() { # CODE
  rm -rf -- "$own/secrets"
  [ ! -e "$own/outcome" ] || sync -- "$own/outcome"
  printf 'exit=%s\ntook=%s\n' "$1" "$SECONDS" >"$state/result.new"
  sync -- "$state/result.new"
  mv -f -- "$state/result.new" "$state/result"
  sync -- "$state"
  exit "$1"
}
give_up() { # MESSAGE
  printf '%s\n' "$1" >&2
  finish 71
}
stopped=
stop() {
  trap '' TERM INT HUP
  stopped=yes
  # The whole process group: the command and its children.
  kill -TERM -- "-$$" 2>/dev/null
}

me=$(id -un)
user=${run_as:-$me}
home=$(getent passwd -- "$user" | cut -d : -f 6)
become=()
if [ "$user" != "$me" ]; then
  user_id=$(id -u -- "$user") && group_id=$(id -g -- "$user") || give_up "there is no user $user"
  become=(setpriv "--reuid=$user_id" "--regid=$group_id" --init-groups --)
  # The way to its own folder, and nothing else of the job.
  chmod 0711 -- "$state"
  chown -R -- "$user_id:$group_id" "$own" || give_up "only root can run a job as $user"
fi
cd -- "$directory" || give_up "$directory cannot be entered"
surroundings=("HOME=${home:-/}" "USER=$user" "LOGNAME=$user" "JOB_DIRECTORY=$own")

# The end of what it says, in two files that take turns. A block is written as it comes.
mkfifo -m 0600 -- "$state/output" || give_up 'no pipe can be made'
(
  trap '' TERM INT HUP
  while records=$(LC_ALL=C dd bs=4096 count=1024 status=noxfer 2>&1 >>"$state/log") && [[ $records =~ ^([0-9]+)\+([0-9]+) ]]; do
    ((BASH_REMATCH[1] + BASH_REMATCH[2] == 1024)) || break
    mv -f -- "$state/log" "$state/log.1"
  done
  # A full disk must not end the command.
  cat >/dev/null
) <"$state/output" &
writer=$!

# In the background, so that a signal is answered at once.
trap stop TERM INT HUP
env "${surroundings[@]}" "${environment[@]}" "${become[@]}" "$@" >"$state/output" 2>&1 &
command=$!
# The shell's own words about its end would be taken for the command's.
exec 2>/dev/null
wait "$command"
code=$?
if [ -n "$stopped" ]; then
  # The first wait may have told of the signal alone.
  wait "$command"
  after=$?
  [ "$after" = 127 ] || code=$after
fi
trap '' TERM INT HUP
rm -f -- "$state/output"
# What the command has left running may hold its output open.
for ((count = 0; count < 50; count += 1)); do
  kill -0 "$writer" 2>/dev/null || break
  sleep 0.1
done
finish "$code"
