# Starts a copy job once: as a transient systemd unit, or as a process of a session of its own. Both outlive the caller.
# Run as: bash -c "$(cat startJob.sh)" nightshift STATE TARGET NAME systemd|process SCRIPT [ARGUMENT OF THE SCRIPT]...
# A job that has begun, and a target that is there, are left as they are. Exit: 0 begun (now or before), 21 not begun.
set -u
state=$1 target=$2 name=$3 manager=$4 script=$5
shift 5
[ -f "$state/process" ] && exit 0
[ -e "$target" ] && exit 0
mkdir -p -- "$state" || exit 21

if [ "$manager" = systemd ]; then
  # systemd replaces variables in the arguments of a unit; a doubled dollar is a dollar again.
  arguments=("$script" nightshift "$@")
  said=$(systemd-run --quiet --unit="$name" --description="nightshift copy job $name" \
    --property=RemainAfterExit=yes --property=TimeoutStopSec=10 \
    "$(command -v bash)" -c "${arguments[@]//\$/\$\$}" 2>&1)
  code=$?
  # Another caller was faster: its unit is ours.
  case $said in *'already loaded'* | *'already exists'*) code=0 ;; esac
  [ "$code" = 0 ] || { printf '%s\n' "$said" >&2; exit 21; }
else
  setsid --fork bash -c "$script" nightshift "$@" </dev/null >/dev/null 2>&1
fi

for _ in {1..300}; do
  [ -f "$state/process" ] && exit 0
  sleep 0.1
done
echo 'the job did not begin within 30 s' >&2
exit 21
