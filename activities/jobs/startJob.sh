# Starts a job once: as a transient systemd unit, or as a process of a session of its own. Both outlive the caller.
# Run as: bash -c "$(cat startJob.sh)" nightshift STATE NAME systemd|process SCRIPT [ARGUMENT OF THE SCRIPT AFTER STATE]...
# A job that has begun is left as it is. Standard input: its secrets, as lines FILE BASE64, then the line "end".
# Exit: 0 begun (now or before), 21 not begun.
set -u
umask 022
state=$1 name=$2 manager=$3 script=$4
shift 4
own=$state/own
[ -f "$state/process" ] && exit 0
mkdir -p -- "$state" && chmod 0700 -- "$state" && mkdir -p -m 0700 -- "$own" || exit 21

file=
while read -r file text && [ "$file" != end ]; do
  mkdir -p -m 0700 -- "$own/secrets" || exit 21
  # Another caller may be writing the same.
  (umask 077 && printf '%s' "$text" | base64 -d >"$own/secrets/$file.$$" && mv -f -- "$own/secrets/$file.$$" "$own/secrets/$file") || exit 21
done
[ "$file" = end ] || { echo 'the secrets arrived cut short' >&2; exit 21; }

if [ "$manager" = systemd ]; then
  # systemd replaces variables in the arguments of a unit; a doubled dollar is a dollar again.
  arguments=("$script" nightshift "$state" "$@")
  said=$(systemd-run --quiet --unit="$name" --description="nightshift job $name" \
    --property=RemainAfterExit=yes --property=TimeoutStopSec=10 \
    "$(command -v bash)" -c "${arguments[@]//\$/\$\$}" 2>&1)
  code=$?
  # Another caller was faster: its unit is ours.
  case $said in *'already loaded'* | *'already exists'*) code=0 ;; esac
  [ "$code" = 0 ] || { printf '%s\n' "$said" >&2; exit 21; }
else
  setsid --fork bash -c "$script" nightshift "$state" "$@" </dev/null >/dev/null 2>&1
fi

for _ in {1..300}; do
  if [ -f "$state/process" ]; then
    # Written again by a caller who came late.
    if [ -f "$state/result" ]; then rm -rf -- "$own/secrets"; fi
    exit 0
  fi
  sleep 0.1
done
echo 'the job did not begin within 30 s' >&2
exit 21
