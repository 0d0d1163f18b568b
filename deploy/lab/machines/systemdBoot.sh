# Runs one machine of a systemd lab until it powers off: systemd-nspawn, again after a reboot inside (exit status 133).
# Usage: bash systemdBoot.sh CGROUP... -- ARGUMENTS OF SYSTEMD-NSPAWN. Started by systemdMachines.ts.
cgroups=()
while [ "$1" != -- ]; do
  cgroups+=("$1")
  shift
done
shift
boot=1
while :; do
  (
    # A new group per boot: one that already has groups of the machine below it takes no process.
    for cgroup in "${cgroups[@]}"; do
      mkdir -p "$cgroup/boot-$boot" && echo "$BASHPID" >"$cgroup/boot-$boot/cgroup.procs" || exit 1
    done
    exec systemd-nspawn "$@"
  )
  status=$?
  [ "$status" -eq 133 ] || exit "$status"
  boot=$((boot + 1))
done
