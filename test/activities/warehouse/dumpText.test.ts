import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import { loadGrammar, readDump, requalify } from '../../../activities/warehouse/beside/dumpText.ts';

describe('the text of a dump', () => {
  before(loadGrammar);
  const all = (sql: string): string => requalify(sql, 'public', 'nightshift_next', () => true);

  test('gets another qualifier for names, quoted or not, and for nothing else', () => {
    assert.equal(all('CREATE TABLE public."knowledge-elements" (id int)'), 'CREATE TABLE nightshift_next."knowledge-elements" (id int)');
    assert.equal(
      all('CREATE VIEW public.v AS SELECT u.public FROM public.users u'),
      'CREATE VIEW nightshift_next.v AS SELECT u.public FROM nightshift_next.users u',
    );
    assert.equal(
      all(`COMMENT ON TABLE public.users IS 'all public.users'`),
      `COMMENT ON TABLE nightshift_next.users IS 'all public.users'`,
    );
    assert.equal(
      all("CREATE TABLE public.t (name text DEFAULT 'é € 😀', m public.mood)"),
      "CREATE TABLE nightshift_next.t (name text DEFAULT 'é € 😀', m nightshift_next.mood)",
    );
    assert.equal(all('SELECT 1 OPERATOR(public.===) 2'), 'SELECT 1 OPERATOR(nightshift_next.===) 2');
    assert.equal(all('SELECT a.public.b, x.public'), 'SELECT a.public.b, x.public');
  });

  test('changes names inside literals only where they are cast to a registry type', () => {
    assert.equal(all(`SELECT nextval('public."Odd seq"'::regclass)`), `SELECT nextval('nightshift_next."Odd seq"'::regclass)`);
    assert.equal(all(`SELECT 'public.users'::text`), `SELECT 'public.users'::text`);
    assert.equal(all(`SELECT nextval('public."it''s"'::regclass)`), `SELECT nextval('nightshift_next."it''s"'::regclass)`);
  });

  test('leaves bodies in literals and what is not moved', () => {
    const body = 'CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS $$ select count(*) from public.users $$';
    assert.equal(all(body), body.replace('public.f', 'nightshift_next.f'));
    const moved = (name: string): boolean => name !== 'answers';
    assert.equal(
      requalify('SELECT * FROM public.answers JOIN public.users USING (id)', 'public', 'n', moved),
      'SELECT * FROM public.answers JOIN n.users USING (id)',
    );
  });

  test('is divided into statements with what each makes; meta-commands of psql are nothing for a server', () => {
    const dump = `\\restrict abc
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
-- a comment; with a semicolon
CREATE TYPE public.mood AS ENUM ('a;b', 'c');
CREATE FUNCTION public.g(x integer) RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;
CREATE TABLE public.t (id int);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_pkey PRIMARY KEY (id);
CREATE INDEX t_idx ON public.t USING btree (id);
ALTER TABLE ONLY public.t ADD CONSTRAINT t_fk FOREIGN KEY (id) REFERENCES public.u(id);
ALTER INDEX public.p_idx ATTACH PARTITION public.t_idx;
CREATE TRIGGER tr BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.h();
REFRESH MATERIALIZED VIEW public.mv;
CREATE PUBLICATION p FOR TABLE public.t;
\\unrestrict abc
`;
    assert.deepEqual(
      readDump(dump).map(({ kind, relation, name, type, references }) => [kind, relation, name, type, references]),
      [
        ['skip', null, null, null, null],
        ['skip', null, null, null, null],
        ['define', null, null, 'mood', null],
        ['define', null, null, null, null],
        ['define', null, null, null, null],
        ['index', 't', 't_pkey', null, null],
        ['index', 't', 't_idx', null, null],
        ['foreignKey', 't', 't_fk', null, 'u'],
        ['attach', null, 'p_idx', null, null],
        ['finish', 't', 'tr', null, null],
        ['finish', 'mv', null, null, null],
        ['skip', null, null, null, null],
      ],
    );
    assert.match(readDump(dump)[3]?.sql ?? '', /SELECT 2; END$/);
  });
});
