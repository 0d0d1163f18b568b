import { execa } from 'execa';

const whereToGet: Record<string, string> = {
  go: 'Go 1.26.4 or later',
  mvn: 'Debian package maven',
  python3: 'Debian packages python3 and python3-pip',
};

/** Runs a program of an installation to its end. What it wrote only matters when it fails: then the error carries it. */
export async function runProgram(
  command: string,
  args: string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<void> {
  try {
    await execa(command, args, { ...options, stdin: 'ignore', maxBuffer: 20_000_000 });
  } catch (error) {
    const need = whereToGet[command];
    if (need && (error as { code?: unknown }).code === 'ENOENT')
      throw new Error(`"${command}" is not on the PATH; it is needed for the installation: ${need}`, { cause: error });
    throw error;
  }
}
