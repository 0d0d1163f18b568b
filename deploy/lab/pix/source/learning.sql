-- Rows of the tables about what people learn; the large ones.

INSERT INTO public.assessments (id, "userId", type, state, "courseId", "competenceId", "campaignParticipationId", "certificationCourseId", "isImproving", "lastQuestionDate", "createdAt", "updatedAt")
SELECT n, CASE WHEN n % 25 > 0 THEN 1 + pg_temp.pick(n, 30, p.users_last) END,
  (ARRAY['COMPETENCE_EVALUATION', 'CAMPAIGN', 'CERTIFICATION', 'DEMO', 'PREVIEW'])[1 + n % 5], CASE WHEN n % 4 > 0 THEN 'completed' ELSE 'started' END,
  CASE WHEN n % 5 = 3 THEN pg_temp.saying(n, 31) END, CASE WHEN n % 5 = 0 THEN pg_temp.identifier('competence', 1 + pg_temp.pick(n, 32, p.competences)) END,
  CASE WHEN n % 5 = 1 THEN 1 + pg_temp.pick(n, 33, p.participations_last) END, CASE WHEN n % 5 = 2 THEN 1 + pg_temp.pick(n, 34, p.certifications_last) END,
  n % 60 = 0, at + interval '25 minutes', at, at + interval '30 minutes'
FROM plan p, generate_series(p.assessments_first + 1, p.assessments_last) n,
  pg_temp.moment(n, p.assessments_first, p.assessments_last, p.begins, p.ends) at;

INSERT INTO public.answers (id, value, result, "resultDetails", "assessmentId", "challengeId", timeout, "timeSpent", "isFocusedOut", "createdAt", "updatedAt")
SELECT n, CASE n % 3 WHEN 0 THEN pg_temp.saying(n, 35) ELSE (n % 9)::text END, (ARRAY['ok', 'ok', 'ko', 'aband', 'timedout'])[1 + n % 5],
  CASE WHEN n % 8 = 0 THEN E'T1: true\nT2: ' || pg_temp.saying(n, 36) END,
  p.assessments_first + 1 + (n - p.answers_first - 1) * (p.assessments_last - p.assessments_first) / (p.answers_last - p.answers_first),
  pg_temp.identifier('challenge', 1 + pg_temp.pick(n, 37, p.challenges)), CASE WHEN n % 12 = 0 THEN (-(n % 60))::int END, (pg_temp.pick(n, 38, 300))::int, n % 45 = 0, at, at
FROM plan p, generate_series(p.answers_first + 1, p.answers_last) n, pg_temp.moment(n, p.answers_first, p.answers_last, p.begins, p.ends) at;

INSERT INTO public."knowledge-elements" (id, source, status, "earnedPix", "answerId", "assessmentId", "userId", "skillId", "competenceId", "createdAt")
SELECT n, CASE WHEN n % 3 > 0 THEN 'direct' ELSE 'inferred' END, (ARRAY['validated', 'validated', 'invalidated', 'reset'])[1 + n % 4], (n % 40) / 8.0,
  p.answers_first + 1 + (n - p.elements_first - 1) * (p.answers_last - p.answers_first) / (p.elements_last - p.elements_first),
  p.assessments_first + 1 + (n - p.elements_first - 1) * (p.assessments_last - p.assessments_first) / (p.elements_last - p.elements_first),
  1 + pg_temp.pick(n, 39, p.users_last), pg_temp.identifier('skill', 1 + skill), pg_temp.identifier('competence', 1 + skill % p.competences), at
FROM plan p, generate_series(p.elements_first + 1, p.elements_last) n, pg_temp.moment(n, p.elements_first, p.elements_last, p.begins, p.ends) at,
  LATERAL (SELECT pg_temp.pick(n, 40, p.skills) AS skill) AS chosen;

INSERT INTO public."knowledge-element-snapshots" (id, "userId", "snappedAt", snapshot)
SELECT n, 1 + pg_temp.pick(n, 41, p.users_last), at,
  (SELECT jsonb_agg(jsonb_build_object('skillId', 'skill' || (n * k) % 800, 'status', CASE (n + k) % 3 WHEN 0 THEN 'invalidated' ELSE 'validated' END,
     'earnedPix', (n + k) % 5 * 0.125, 'answer', pg_temp.saying(n, k))) FROM generate_series(1, 8 + n % 9) k)
FROM plan p, generate_series(p.snapshots_first + 1, p.snapshots_last) n, pg_temp.moment(n, p.snapshots_first, p.snapshots_last, p.begins, p.ends) at;

INSERT INTO public."element-answers" (id, "elementId", "userId", answer, "scoredAt", score, duration, "createdAt")
OVERRIDING SYSTEM VALUE
SELECT n, md5('element/' || n % 500)::uuid, CASE WHEN n % 9 > 0 THEN 1 + pg_temp.pick(n, 42, p.users_last) END, pg_temp.saying(n, 43),
  CASE n % 17 WHEN 0 THEN 'infinity' WHEN 1 THEN NULL ELSE at END, CASE n % 19 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE n / 3.0 END::double precision,
  (n % 5000) * interval '1.25 seconds', at
FROM plan p, generate_series(p.modules_first + 1, p.modules_last) n, pg_temp.moment(n, p.modules_first, p.modules_last, p.begins, p.ends) at;

INSERT INTO public."activity-logs" (id, "occurredAt", "userId", event, payload)
SELECT n, at, CASE WHEN n % 13 > 0 THEN 1 + pg_temp.pick(n, 44, p.users_last) END, (ARRAY['login', 'logout', 'share', 'export'])[1 + n % 4],
  CASE WHEN n % 4 > 0 THEN json_build_object('agent', pg_temp.saying(n, 45), 'ip', '198.51.100.' || n % 256) END
FROM plan p, generate_series(p.logs_first + 1, p.logs_last) n, pg_temp.moment(n, p.logs_first, p.logs_last, p.begins, p.ends) at;

DELETE FROM public.badge_acquisitions;
INSERT INTO public.badge_acquisitions SELECT "badgeKey", count(*), (SELECT ends::date FROM plan) FROM public."badge-acquisitions" GROUP BY 1;
