/** Takes secrets out of text that people will read: credentials inside URLs, and the given values. */
export function redact(text: string, secretValues: readonly string[] = []): string {
  let clean = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@'"]*@/gi, '$1***@');
  for (const value of secretValues) if (value !== '') clean = clean.replaceAll(value, '***');
  return clean;
}

/** Makes control characters visible (terminal escapes, carriage returns of progress bars, NUL); line ends and tabs stay. */
export function showControlCharacters(text: string): string {
  const isControl = (code: number): boolean => (code < 0x20 && code !== 0x09 && code !== 0x0a) || (code >= 0x7f && code < 0xa0);
  return Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    return isControl(code) ? `\\x${code.toString(16).padStart(2, '0')}` : character;
  }).join('');
}

/** The end of a text, cut at a whole character. */
export function endOf(text: string, charactersMax: number): string {
  const characters = Array.from(text.trim());
  return characters.length <= charactersMax ? characters.join('') : `…${characters.slice(-charactersMax).join('')}`;
}
