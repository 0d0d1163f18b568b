# Ends a job if it runs, waits for the end of all its processes, then removes what it left.
# Run as: bash -c "$(cat jobLife.sh discardJob.sh)" nightshift STATE NAME systemd|process [FILE OF THE COMMAND]...
# Exit: 0 done (also when there was nothing), 21 the job does not end.
set -u
state=$1 name=$2 manager=$3
shift 3

if [ "$manager" = systemd ]; then
  # TERM to all its processes, KILL after its TimeoutStopSec; waits. A unit that is not there is as good.
  systemctl stop -- "$name.service" 2>/dev/null
  systemctl reset-failed -- "$name.service" 2>/dev/null
fi
end_with() { # SIGNAL TENTHS OF A SECOND
  kill -s "$1" -- "-$processId" 2>/dev/null
  for ((count = 0; count < $2; count += 1)); do
    is_any_alive || return 0
    sleep 0.1
  done
  return 1
}
if [ -f "$state/process" ] && is_any_alive && ! end_with TERM 100 && ! end_with KILL 50; then
  echo "process $processId does not end" >&2
  exit 21
fi
rm -f -- "$@"
rm -rf -- "$state"
