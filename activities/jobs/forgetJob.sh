# Removes the state of a job that has ended; what its command made stays.
# Run as: bash -c "$(cat jobLife.sh forgetJob.sh)" nightshift STATE NAME systemd|process. Exit: 0 done, 21 the job still runs.
set -u
state=$1 name=$2 manager=$3
if [ -f "$state/process" ] && is_any_alive; then
  echo "process $processId still runs" >&2
  exit 21
fi
if [ "$manager" = systemd ]; then
  systemctl stop -- "$name.service" 2>/dev/null
  systemctl reset-failed -- "$name.service" 2>/dev/null
fi
rm -rf -- "$state"
