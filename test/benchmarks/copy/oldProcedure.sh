# The old procedure of a cold backup by script: stop in order, copy one part after the other, start in order.
# Run as: bash oldProcedure.sh PLAN SSH_CONFIG
# PLAN: one act a line, in order, fields separated by tabs:
#   stop  HOST UNIT SUPERVISORCTL CONFIGURATION      supervisorctl stop
#   start HOST UNIT SUPERVISORCTL CONFIGURATION      supervisorctl start
#   closed|open HOST UNIT ADDRESS PORTS              wait until every port is so
#   copy  HOST NAME SOURCE TARGET                    tar and gzip, with the checksum from the same pass, then sync
# SSH_CONFIG names the hosts; each has one kept connection (ControlPersist), as a careful script would have it.
# Prints "TIME SECONDS VERB NAME" when an act has ended. The first act that fails ends it with its exit code.
set -euo pipefail
plan=$1 configuration=$2
port_tries=1200

on() { # HOST COMMAND
  ssh -F "$configuration" -n "$1" "$2"
}
finish() {
  for host in $(cut -f 2 "$plan" | sort -u); do ssh -F "$configuration" -O exit "$host" 2>/dev/null || true; done
}
trap finish EXIT

is_open() { # ADDRESS PORT
  (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}
until_ports() { # open|closed ADDRESS PORTS
  for port in $3; do
    for ((try = 0; ; try += 1)); do
      if is_open "$2" "$port"; then state=open; else state=closed; fi
      [ "$state" = "$1" ] && break
      ((try < port_tries)) || { echo "port $port of $2 is not $1" >&2; return 1; }
      sleep 0.05
    done
  done
}

while IFS=$'\t' read -r -u 4 verb host name first second; do
  began=$EPOCHREALTIME
  case $verb in
    stop | start) on "$host" "'$first' -c '$second' $verb '$name' >/dev/null" ;;
    closed | open) until_ports "$verb" "$first" "$second" ;;
    copy)
      on "$host" "set -e; mkdir -p '${second%/*}'; find '$first' -type f -printf '%s\n' | awk '{ all += \$1 } END { print all }' >'$second.source'
        tar --create --directory '$first' . | gzip | tee '$second' | sha256sum >'$second.sha256'; sync '$second'"
      ;;
    *) echo "unknown act $verb" >&2; exit 2 ;;
  esac
  ended=$EPOCHREALTIME
  awk -v began="$began" -v ended="$ended" -v verb="$verb" -v name="$name" 'BEGIN { printf "%.6f %.6f %s %s\n", ended, ended - began, verb, name }'
done 4<"$plan"
