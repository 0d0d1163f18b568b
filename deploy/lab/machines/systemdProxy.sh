# The worker's way to a machine of a systemd lab: standard input and output become a TCP connection made inside the lab's network namespace.
# Usage: bash systemdProxy.sh NAMESPACE ADDRESS PORT. Ends when either side closes; as root only. SSH ProxyCommand of systemdMachines.ts.
if [ "$#" -eq 3 ]; then exec nsenter --net="/run/netns/$1" -- bash "$0" "$2" "$3"; fi
exec 3<>"/dev/tcp/$1/$2" || exit 255
# This shell becomes the reader under the same id, so the writer can end it when the caller has closed.
{ cat <&0 >&3; kill -TERM $$ 2>/dev/null; } <&0 &
exec cat <&3 3>&-
