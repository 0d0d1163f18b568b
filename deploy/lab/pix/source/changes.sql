-- What a day changes and deletes; the append-only tables only grow.

UPDATE public.users SET "lastName" = pg_temp.name(id, 50), "lastLoggedAt" = (SELECT ends FROM plan) WHERE id % 17 = 0;
UPDATE public."campaign-participations" SET status = 'SHARED', "sharedAt" = (SELECT ends FROM plan), "masteryRate" = id % 100
  WHERE status = 'TO_SHARE' AND id % 5 = 0;
UPDATE public.assessments SET state = 'completed', "updatedAt" = (SELECT ends FROM plan) WHERE state = 'started' AND id % 3 = 0;
UPDATE public.organizations SET credit = credit + 100, tags = tags || 'RENTRÉE'::text WHERE id % 4 = 0;
UPDATE public."element-answers" SET answer = pg_temp.saying(id, 51) WHERE id % 23 = 0;
DELETE FROM public."organization-learners" WHERE id % 50 = 0 AND id <= (SELECT learners_first FROM plan);
DELETE FROM public."badge-acquisitions" WHERE id % 29 = 0 AND id <= (SELECT badges_first FROM plan);
DELETE FROM public."activity-logs" WHERE "occurredAt" < (SELECT min("occurredAt") + interval '1 day' FROM public."activity-logs");
REFRESH MATERIALIZED VIEW public."answers-by-day";
