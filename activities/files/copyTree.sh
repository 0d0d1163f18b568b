# A directory to another place, or to another machine over SSH, with rsync. Run as a job (runJob.sh), which gives JOB_DIRECTORY.
# Run as: bash -c "$(cat copyTree.sh)" nightshift SOURCE TARGET EARLIER|"" times|checksums [ADDRESS PORT USER PINNED_HOST_KEY...]
# TARGET becomes as SOURCE is: what SOURCE does not have is deleted there. So only a target that is new, empty or carries our marker is written to.
# Files that EARLIER (a copy beside TARGET) has are linked, not sent. Over SSH the private key is in secrets/key.
# progress: bytes sent, bytes below SOURCE. outcome: JSON with files, bytes, sentFiles, sentBytes, deleted.
# Exit: 0 done, 20 the source changed meanwhile, 21 failed, 22 the target is not ours, 31 another host key, 32 the key is refused.
set -u
umask 022
source=$1 target=$2 earlier=$3 compare=$4
shift 4
marker=.nightshift-copy
# Paths of its own are relative from here: no shell and no configuration may read them otherwise.
cd -- "$JOB_DIRECTORY" || exit 21
export LC_ALL=C

quoted() { # ARGUMENTS as text for a shell
  within="'\\''"
  for argument in "$@"; do printf "'%s' " "${argument//"'"/$within}"; done
}
prepare='[ ! -e "$1" ] || [ -d "$1" ] || exit 22
[ -f "$1/$2" ] || [ -z "$(ls -A -- "$1" 2>/dev/null)" ] || exit 22
mkdir -p -- "$1" && : >"$1/$2" || exit 21'
at_target() { sh -c "$@"; }
place=$target/
remote=()
if [ $# -gt 0 ]; then
  address=$1 port=$2 user=$3
  shift 3
  # Tells ssh a key exactly when its fingerprint is pinned.
  printf 'case " %s " in *" $2 "*) echo "$1 $3 $4" ;; esac\n' "$*" >hostKeys
  ssh="ssh -F none -p $port -l $user -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityFile=secrets/key -o StrictHostKeyChecking=yes"
  ssh+=' -o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o ConnectTimeout=20 -o ServerAliveInterval=5 -o ServerAliveCountMax=6'
  known=(-o 'KnownHostsCommand=/bin/sh hostKeys %H %f %t %K')
  at_target() { $ssh "${known[@]}" "$address" "sh -c $(quoted "$@")"; }
  remote=(--rsh="$ssh -o 'KnownHostsCommand=/bin/sh hostKeys %H %f %t %K'" --secluded-args)
  case $address in *:*) place="[$address]:$target/" ;; *) place="$address:$target/" ;; esac
fi

[ -d "$source" ] || { echo "$source is no directory"; exit 21; }
said=$(at_target "$prepare" nightshift "$target" "$marker" 2>&1)
code=$?
[ -z "$said" ] || printf '%s\n' "$said"
case $code in
  0) ;;
  22) echo "$target is there and is no copy of ours ($marker is not in it)"; exit 22 ;;
  255)
    case $said in
      *'Host key verification failed'*) exit 31 ;;
      *'Permission denied'* | *'error in libcrypto'* | *'invalid format'*) exit 32 ;;
    esac
    exit 21
    ;;
  *) exit 21 ;;
esac
total=$(find "$source" -type f -printf '%s\n' | awk '{ bytes += $1 } END { printf "%.0f", bytes }')
echo "0 $total" >progress

same=(--archive --hard-links --acls --xattrs --numeric-ids --delete --exclude="/$marker" "${remote[@]}")
[ -z "$earlier" ] || same+=(--link-dest="$earlier")
told=0
# rsync ends each word of progress with a carriage return; what comes after the last one are its statistics.
rsync "${same[@]}" --partial --stats --info=progress2 --no-human-readable --outbuf=L -- "$source/" "$place" | {
  while IFS= read -r -d $'\r' line; do
    read -r bytes _ <<<"${line##*$'\n'}"
    [[ $bytes =~ ^[0-9]+$ ]] && [ "$SECONDS" -gt "$told" ] || continue
    told=$SECONDS
    echo "$bytes $total" >progress
  done
  printf '%s\n' "$line" >statistics
}
code=${PIPESTATUS[0]}
cat statistics
[ "$code" = 0 ] || { echo "exit code of rsync: $code"; [ "$code" = 24 ] && exit 20; exit 21; }

# The proof: a second look finds nothing to do.
[ "$compare" = times ] || same+=(--checksum)
differences=$(rsync "${same[@]}" --dry-run --itemize-changes -- "$source/" "$place" | head -n 5; exit "${PIPESTATUS[0]}")
code=$?
[ "$code" = 0 ] || [ "$code" = 141 ] || [ "$code" = 20 ] || { echo "exit code of rsync, looking again: $code"; exit 21; }
[ -z "$differences" ] || { printf 'not the same afterwards:\n%s\n' "$differences"; exit 20; }

number() { sed -n "s/^$1: \([0-9]*\).*/\1/p" statistics; }
files=$(sed -n 's/^Number of files: .*reg: \([0-9]*\).*/\1/p' statistics)
printf '{"files":%s,"bytes":%s,"sentFiles":%s,"sentBytes":%s,"deleted":%s}\n' "${files:-0}" "$total" \
  "$(number 'Number of regular files transferred')" "$(number 'Total transferred file size')" "$(number 'Number of deleted files')" >outcome
