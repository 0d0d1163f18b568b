# Tells where a job is, as lines KEY=VALUE; whatever a command wrote stands there in base64.
# Run as: bash -c "$(cat jobLife.sh jobStatus.sh)" nightshift STATE [FILE THAT THE COMMAND WRITES]...
# job=absent    no such job            job=waiting  its process has not begun
# job=running   its process lives      job=ended    its process is gone (exit=N tells how, without it: killed, or the machine restarted)
set -u
state=$1
shift

if [ ! -d "$state" ]; then
  echo job=absent
elif [ ! -f "$state/process" ]; then
  echo job=waiting
else
  # Alive first, result second: a job that ends in between has its result.
  if is_alive; then echo job=running; else echo job=ended; fi
  [ -f "$state/result" ] && cat "$state/result"
  echo "elapsed=$(($(date +%s) - began))"
  # The folder is the command's, who may be anybody: links in it lead nowhere.
  told() { dd if="$state/own/$1" iflag=nofollow,nonblock bs=16384 count=1 status=none 2>/dev/null | base64 -w 0; }
  echo "progress=$(told progress)"
  echo "outcome=$(told outcome)"
  echo "log=$({ tail -c 4000 -- "$state/log.1"; tail -c 4000 -- "$state/log"; } 2>/dev/null | tail -c 4000 | base64 -w 0)"
fi
written=0
for file in "$@"; do
  bytes=$(stat -c %s -- "$file" 2>/dev/null) && written=$((written + bytes))
done
echo "written=$written"
