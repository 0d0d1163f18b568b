-- What the rows are made of. Deterministic: everything follows from the number of a row and a salt.

CREATE FUNCTION pg_temp.pick(n bigint, salt bigint, below bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
  AS $$ SELECT (hashint8extended($1, $2) & 9223372036854775807) % $3 $$;

CREATE FUNCTION pg_temp.identifier(kind text, n bigint) RETURNS text LANGUAGE sql IMMUTABLE
  AS $$ SELECT 'rec' || left(md5($1 || '/' || $2::text), 14) $$;

CREATE FUNCTION pg_temp.moment(n bigint, first bigint, last bigint, begins timestamptz, ends timestamptz) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE
  AS $$ SELECT $4 + (($1 - $2)::double precision / ($3 - $2 + 1)) * ($5 - $4) $$;

-- Texts that break what copies rows carelessly.
CREATE FUNCTION pg_temp.saying(n bigint, salt bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $saying$
  SELECT (ARRAY[
    'une réponse ordinaire', 'l''été', 'elle dit "oui"', E'deux\nlignes', E'tabulation\tici', E'C:\\temp\\n', '\N', '\.', '',
    '日本語 😀', E'retour\r\nchariot', '{a,"b",NULL}', ' espaces ', 'a,b;c|d', '<b>&amp;</b>', E'\u00e9 != e\u0301', '$$ $1 %s', '--', 'NULL', '/* */'
  ])[1 + (hashint8extended($1, $2) & 9223372036854775807) % 20]
$saying$;

CREATE FUNCTION pg_temp.name(n bigint, salt bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY[
    'Martin', 'Bernard', 'Thomas', 'Petit', 'Robert', 'Richard', 'Durand', 'Dubois', 'Moreau', 'Laurent', 'Simon', 'Michel',
    'Lefèvre', 'Leroy', 'Roux', 'David', 'Bertrand', 'Morel', 'Fournier', 'Girard', 'Bonnet', 'Dupont', 'O''Brien', 'Noël',
    'Müller', 'Nguyễn', 'García', 'Zoë', 'Jean-Luc', 'D''Angelo', 'Łukasz', 'Ève'
  ])[1 + (hashint8extended($1, $2) & 9223372036854775807) % 32]
$$;
