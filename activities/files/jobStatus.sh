# Tells where a copy job is, as lines KEY=VALUE, then the end of its log after a line "log:".
# Run as: bash -c "$(cat jobLife.sh jobStatus.sh)" nightshift STATE TARGET
# job=absent    no such job            job=waiting  its process has not begun
# job=running   its process lives      job=ended    its process is gone (exit=N tells how, without it: killed, or the machine restarted)
set -u
state=$1 target=$2

[ -e "$target" ] && echo target=yes
if [ ! -d "$state" ]; then
  echo job=absent
  exit 0
fi
if [ ! -f "$state/process" ]; then
  echo job=waiting
  exit 0
fi
# Alive first, result second: a job that ends in between has its result.
if is_alive; then echo job=running; else echo job=ended; fi
echo "processId=$processId"
[ -f "$state/result" ] && cat "$state/result"
[ -e "$target" ] && echo target=yes
echo "elapsed=$(($(date +%s) - began))"
echo "total=$(cat "$state/total" 2>/dev/null)"
echo "progress=$(cat "$state/progress" 2>/dev/null)"
echo "written=$(stat -c %s -- "$target.part" 2>/dev/null || stat -c %s -- "$target" 2>/dev/null)"
echo log:
tail -c 2000 "$state/log" 2>/dev/null
exit 0
