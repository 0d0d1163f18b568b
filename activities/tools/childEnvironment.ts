/** What any program needs to find others, its user's folders and its language. Of the worker's own settings and keys nothing. */
const passedOn = /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR|XDG_RUNTIME_DIR)$/;

/** The environment of every process that is started here: a few variables of the worker's, and the given ones. */
export function childEnvironment(given: Record<string, string> = {}): Record<string, string> {
  // eslint-disable-next-line no-restricted-properties -- to be passed on, not to be read
  const inherited = Object.entries(process.env).filter(([name, value]) => passedOn.test(name) && value !== undefined);
  return { ...(Object.fromEntries(inherited) as Record<string, string>), ...given };
}
