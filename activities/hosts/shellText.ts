import { failure } from '../failure.ts';
import { redact, showControlCharacters } from '../tools/redact.ts';

/** Linux takes at most 128 KiB in one argument, and sshd hands the whole command to the login shell as one. */
const commandBytesMax = 120_000;

/** Refuses what cannot be handed over as it is. Larger data goes through standard input. */
export function checkCommand(command: readonly string[]): void {
  const [program] = command;
  if (!program || program.startsWith('-')) throw failure('InvalidInput', `no program in the command ${JSON.stringify(command)}`);
  if (command.some((argument) => argument.includes('\0'))) throw failure('InvalidInput', `NUL in an argument of ${program}`);
  const bytes = Buffer.byteLength(shellText(command));
  if (bytes > commandBytesMax)
    throw failure('InvalidInput', `the command ${program} has ${bytes} bytes of arguments, at most ${commandBytesMax} can be handed over`);
}

/** Shell text that means exactly these arguments, whatever they hold. */
export function shellText(command: readonly string[]): string {
  return command.map((argument) => `'${argument.replaceAll("'", "'\\''")}'`).join(' ');
}

/** The command for people: each argument and the whole cut short, without secrets in URLs. */
export function describeCommand(command: readonly string[]): string {
  const parts = command.map((argument) => {
    const line = showControlCharacters(redact(argument)).replaceAll('\n', '⏎');
    return line.length > 80 ? `${line.slice(0, 79)}…` : line;
  });
  const text = parts.join(' ');
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
