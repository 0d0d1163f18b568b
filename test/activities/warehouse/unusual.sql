create type public.mood as enum ('a', 'b', 'c''d');
create type public."Odd-Type" as enum ('x', 'y');
create type public.pair as (a int, b text);
create domain public.positive as integer check (value > 0);
create sequence public.lone_seq start 5;
create function public.f(a int) returns int language sql immutable as $$ select a + 1 $$;
create function public.f(a text) returns text language plpgsql as $$ begin return a || 'public.users'; end $$;
create function public.norm(t text) returns text language sql immutable as $$ select lower(t) $$;
create function public.of_mood(m public.mood) returns text language sql immutable as $$ select m::text $$;
create function public.atomic(x int) returns bigint language sql begin atomic select count(*) from pg_catalog.pg_class where oid > x; end;
create procedure public.proc(a int) language sql as $$ select 1 $$;
create aggregate public.mysum(int) (sfunc = int4pl, stype = int, initcond = '0');
create operator public.=== (leftarg = text, rightarg = text, function = texteq);
create table public.users (
  id serial primary key, email text not null, "createdAt" timestamptz default now(), m public.mood default 'a',
  o public."Odd-Type"[] default '{x}', p public.positive default 1, up text generated always as (upper(email)) stored, pr public.pair,
  raw bytea, constraint chk check (public.norm(email) <> '')
);
create table public."knowledge-elements" (
  id bigint generated always as identity primary key, "userId" int references public.users (id), v jsonb, unique (id, "userId")
);
create table public.parted (id int, d date, primary key (id, d)) partition by range (d);
create table public.parted_1 partition of public.parted for values from ('2024-01-01') to ('2025-01-01');
create table public.parted_2 partition of public.parted for values from ('2025-01-01') to ('2026-01-01');
create index on public.parted (d);
create index users_norm_idx on public.users (public.norm(email)) where m = 'a';
create index "Users_Odd_idx" on public.users using gin (o);
create view public.v1 as select u.*, public.f(u.id) as ff from public.users u where m = 'b';
create view public.v2 as select id, email from public.v1;
create materialized view public.mv as select m, count(*) as n from public.users group by m;
create unique index on public.mv (m);
create function public.trg() returns trigger language plpgsql as $$ begin new.email := public.norm(new.email); return new; end $$;
create trigger t before insert on public.users for each row execute function public.trg();
create rule r as on delete to public.users where old.id < 0 do instead nothing;
create statistics public.st on email, m from public.users;
comment on table public.users is 'all public.users of it';
create table public."_under" (id int default nextval('public.lone_seq'), "select" text);
create table public.kept (id int primary key, m public.mood, "userId" int);
create table public.empty_one (x int);
insert into public.users (email, m, pr, raw) select 'U' || g, (array['a', 'b', 'c''d'])[1 + g % 3]::public.mood, row(g, text E'x\n"\\,é')::public.pair, decode(md5(g::text), 'hex') from generate_series(1, 500) g;
insert into public."knowledge-elements" ("userId", v) select 1 + g % 500, jsonb_build_object('k', g, 't', E'tab\tnull ') from generate_series(1, 900) g;
insert into public.parted select g, date '2024-06-01' + g from generate_series(1, 400) g;
insert into public."_under" ("select") values ('a'), (null);
insert into public.kept select g, 'a', g from generate_series(1, 10) g;
refresh materialized view public.mv;
