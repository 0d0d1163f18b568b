import { systemdMachinesAvailable } from '../../deploy/lab/machines/systemdMachines.ts';

/** Why `what` cannot be tested on machines with systemd here, for a test's `skip`; false when it can. Told loudly; with REQUIRE_REAL=1 an error. */
export async function systemdMissing(what: string): Promise<string | false> {
  const { available, why } = await systemdMachinesAvailable();
  if (available) return false;
  const told = `NOT TESTED on real systemd: ${what}: ${why}`;
  if (process.env.REQUIRE_REAL === '1') throw new Error(`${told} (REQUIRE_REAL=1)`);
  console.log(`# ${told}`);
  return told;
}
