-- Rows of the tables about people; the temporary table "plan" says which numbers (fillPixSource.ts).

INSERT INTO public.users (id, "firstName", "lastName", email, username, lang, "isAnonymous", settings, avatar, "createdAt", "updatedAt", "lastLoggedAt")
SELECT n, pg_temp.name(n, 1), pg_temp.name(n, 2),
  CASE WHEN n % 20 > 0 THEN 'learner.' || n || '@example.net' END,
  CASE WHEN n % 20 = 10 THEN 'learner' || n END,
  (ARRAY['fr', 'fr', 'fr', 'en', 'nl'])[1 + n % 5], n % 20 = 0,
  jsonb_build_object('theme', CASE n % 3 WHEN 0 THEN 'dark' ELSE 'light' END, 'motto', pg_temp.saying(n, 3), 'seen', jsonb_build_array(n % 7, NULL, n % 2 = 0)),
  CASE WHEN n % 11 = 0 THEN decode(md5(n::text) || '00ff5c27', 'hex') END,
  at, at, CASE WHEN n % 4 > 0 THEN at + (n % 90) * interval '1 day' END
FROM plan p, generate_series(p.users_first + 1, p.users_last) n, pg_temp.moment(n, p.users_first, p.users_last, p.begins, p.ends) at;

INSERT INTO public.organizations (id, type, name, "externalId", "provinceCode", tags, credit, "isManagingStudents", "parentOrganizationId", "createdAt", "updatedAt")
SELECT n, (enum_range(NULL::public."organization-type"))[1 + n % 4], 'Établissement ' || n || ' ' || pg_temp.saying(n, 4),
  CASE WHEN n % 3 > 0 THEN '0' || lpad(n::text, 6, '0') || 'A' END, lpad((n % 96)::text, 3, '0'),
  CASE n % 4 WHEN 0 THEN '{}' ELSE ARRAY['AGRICULTURE', pg_temp.saying(n, 5), CASE n % 2 WHEN 0 THEN 'a,b "c" {d}' END] END,
  (n * 37) % 5000, n % 2 = 0, CASE WHEN n % 10 = 0 THEN n - 1 END, at, at
FROM plan p, generate_series(p.organizations_first + 1, p.organizations_last) n,
  pg_temp.moment(n, p.organizations_first, p.organizations_last, p.begins, p.ends) at;

INSERT INTO public."organization-learners" (id, "userId", "organizationId", "firstName", "preferredLastName", "lastName", birthdate, division, "nationalStudentId", attributes, "isDisabled", "createdAt", "updatedAt", "deletedAt")
SELECT n, CASE WHEN n % 6 > 0 THEN 1 + pg_temp.pick(n, 6, p.users_last) END, 1 + pg_temp.pick(n, 7, p.organizations_last),
  pg_temp.name(n, 8), CASE WHEN n % 5 = 0 THEN pg_temp.saying(n, 9) END, pg_temp.name(n, 10),
  date '1995-01-01' + (pg_temp.pick(n, 11, 6500))::int, (3 + n % 4) || 'e' || chr(65 + (n % 6)::int),
  CASE WHEN n % 3 > 0 THEN lpad(n::text, 10, '0') || 'FK' END,
  CASE WHEN n % 2 = 0 THEN jsonb_build_object('Libellé "classe"', pg_temp.saying(n, 12), 'MEF', n % 1000) END,
  n % 50 = 0, at, at, CASE WHEN n % 33 = 0 THEN at + interval '40 days' END
FROM plan p, generate_series(p.learners_first + 1, p.learners_last) n, pg_temp.moment(n, p.learners_first, p.learners_last, p.begins, p.ends) at;

INSERT INTO public.campaigns (id, name, code, type, "organizationId", "creatorId", "customLandingPageText", "multipleSendings", "createdAt", "archivedAt")
SELECT n, 'Campagne ' || pg_temp.saying(n, 13), 'C' || lpad(n::text, 8, '0'), (enum_range(NULL::public.campaign_type))[1 + n % 3],
  1 + pg_temp.pick(n, 14, p.organizations_last), 1 + pg_temp.pick(n, 15, p.users_last),
  CASE WHEN n % 2 = 0 THEN E'Bienvenue !\n\n' || pg_temp.saying(n, 16) || E'\n' || repeat('Parcours de rentrée. ', (n % 12)::int) END,
  n % 3 = 0, at, CASE WHEN n % 7 = 0 THEN at + interval '200 days' END
FROM plan p, generate_series(p.campaigns_first + 1, p.campaigns_last) n, pg_temp.moment(n, p.campaigns_first, p.campaigns_last, p.begins, p.ends) at;

-- Learners with a number that 50 divides have no participation: those may be deleted (changes.sql).
INSERT INTO public."campaign-participations" (id, "campaignId", "userId", "organizationLearnerId", status, "masteryRate", "validatedSkillsCount", "pixScore", "isImproved", "createdAt", "sharedAt")
OVERRIDING SYSTEM VALUE
SELECT n, 1 + pg_temp.pick(n, 17, p.campaigns_last), CASE WHEN n % 30 > 0 THEN 1 + pg_temp.pick(n, 18, p.users_last) END,
  CASE WHEN learner % 50 = 0 THEN learner - 1 ELSE learner END, (enum_range(NULL::public."participationStatus"))[1 + n % 3],
  CASE WHEN n % 3 = 2 THEN (n % 101)::numeric END, CASE WHEN n % 3 = 2 THEN (n % 60)::smallint END, CASE WHEN n % 3 = 2 THEN (n * 13) % 1000 END,
  n % 40 = 0, at, CASE WHEN n % 3 = 2 THEN at + interval '3 days' END
FROM plan p, generate_series(p.participations_first + 1, p.participations_last) n,
  pg_temp.moment(n, p.participations_first, p.participations_last, p.begins, p.ends) at,
  LATERAL (SELECT 1 + pg_temp.pick(n, 19, p.learners_last) AS learner) AS chosen;

INSERT INTO public."certification-courses" (id, "userId", "verificationCode", "birthPlace", "isPublished", "pixScore", "reachedLevels", "createdAt", "completedAt")
SELECT n, 1 + pg_temp.pick(n, 20, p.users_last), 'P-' || upper(left(md5('certification' || n), 4) || to_hex(n)), CASE WHEN n % 9 > 0 THEN pg_temp.saying(n, 21) END,
  n % 3 > 0, CASE WHEN n % 3 > 0 THEN (n * 7) % 900 END, CASE WHEN n % 3 > 0 THEN ARRAY[n % 8, n % 5, NULL, n % 3]::smallint[] END,
  at, CASE WHEN n % 10 > 0 THEN at + interval '105 minutes' END
FROM plan p, generate_series(p.certifications_first + 1, p.certifications_last) n,
  pg_temp.moment(n, p.certifications_first, p.certifications_last, p.begins, p.ends) at;

INSERT INTO public."badge-acquisitions" (id, "userId", "badgeKey", "createdAt")
SELECT n, 1 + pg_temp.pick(n, 22, p.users_last), 'BADGE_' || n % 40, at
FROM plan p, generate_series(p.badges_first + 1, p.badges_last) n, pg_temp.moment(n, p.badges_first, p.badges_last, p.begins, p.ends) at;

INSERT INTO public._migrations (name, batch, migration_time)
SELECT to_char(p.begins + n * interval '1 day', 'YYYYMMDD') || '000000_step-' || n || '.js', n, p.begins + n * interval '1 day'
FROM plan p, generate_series(1, 20) n WHERE p.users_first = 0;
