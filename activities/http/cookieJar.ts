interface Cookie {
  name: string;
  value: string;
  domain: string;
  /** Also for the names below the domain. */
  isForBelow: boolean;
  path: string;
  secure: boolean;
}

/** The cookies of one session, which is over before they expire. */
export interface CookieJar {
  keep(url: URL, setCookies: readonly string[]): void;
  /** Value of the header Cookie; empty: none. */
  headerFor(url: URL): string;
}

export function createCookieJar(): CookieJar {
  const cookies: Cookie[] = [];
  return {
    keep(url, setCookies) {
      for (const text of setCookies) {
        const read = readCookie(url, text);
        if (!read) continue;
        const { cookie, isOver } = read;
        const at = cookies.findIndex(({ name, domain, path }) => name === cookie.name && domain === cookie.domain && path === cookie.path);
        if (at >= 0) cookies.splice(at, 1);
        if (!isOver) cookies.push(cookie);
      }
    },
    headerFor(url) {
      const fitting = cookies.filter((cookie) => isFor(cookie, url));
      // The longest path first, as servers expect.
      return fitting
        .sort((a, b) => b.path.length - a.path.length)
        .map(({ name, value }) => `${name}=${value}`)
        .join('; ');
    },
  };
}

function readCookie(url: URL, text: string): { cookie: Cookie; isOver: boolean } | undefined {
  const [pair = '', ...rest] = text.split(';').map((part) => part.trim());
  const equals = pair.indexOf('=');
  if (equals < 1) return undefined;
  const attributes = new Map(
    rest.map((part) => [part.split('=', 1)[0]?.toLowerCase() ?? '', part.includes('=') ? part.slice(part.indexOf('=') + 1) : '']),
  );
  const domain = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase();
  if (domain !== '' && !isBelow(url.hostname, domain)) return undefined;
  const path = attributes.get('path') ?? '';
  const maxAge = attributes.get('max-age');
  const expires = Date.parse(attributes.get('expires') ?? '');
  return {
    cookie: {
      name: pair.slice(0, equals),
      value: pair.slice(equals + 1),
      domain: domain || url.hostname,
      isForBelow: domain !== '',
      path: path.startsWith('/') ? path : url.pathname.slice(0, Math.max(1, url.pathname.lastIndexOf('/'))),
      secure: attributes.has('secure'),
    },
    isOver: maxAge !== undefined ? !(Number(maxAge) > 0) : expires <= Date.now(),
  };
}

function isFor({ domain, isForBelow, path, secure }: Cookie, url: URL): boolean {
  if (secure && url.protocol !== 'https:') return false;
  if (isForBelow ? !isBelow(url.hostname, domain) : url.hostname !== domain) return false;
  return url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`);
}

function isBelow(name: string, domain: string): boolean {
  return name === domain || name.endsWith(`.${domain}`);
}
