/** The program that this variable of the environment names. */
export const fromEnvironment = (name: string) => (): string | null => process.env[name] || null;
