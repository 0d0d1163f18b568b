-- What looks at the tables: functions, views, a view over views, a materialized view; and the triggers.

CREATE FUNCTION public."fullNameOf"("userId" bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  found text;
BEGIN
  SELECT "fullName" INTO found FROM public.users WHERE id = "userId";
  RETURN coalesce(found, 'personne');
END;
$$;
COMMENT ON FUNCTION public."fullNameOf"(bigint) IS 'Of a user, by number';

CREATE FUNCTION public."pixScore"("user" bigint) RETURNS real LANGUAGE sql STABLE
  AS $$ SELECT coalesce(sum("earnedPix"), 0)::real FROM public."knowledge-elements" WHERE "userId" = $1 AND status = 'validated' $$;

CREATE FUNCTION public."pixScore"("user" bigint, competence text) RETURNS real LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT coalesce(sum("earnedPix"), 0) FROM public."knowledge-elements" WHERE "userId" = "user" AND "competenceId" = competence);
END;
$$;

CREATE FUNCTION public.count_answers(assessment bigint) RETURNS bigint LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT count(*) FROM public.answers WHERE answers."assessmentId" = assessment;
END;

CREATE VIEW public."active-learners" AS
  SELECT id, "organizationId", "userId", "firstName", "lastName", public."fullNameOf"("firstName"::text, "lastName"::text) AS "fullName"
  FROM public."organization-learners" WHERE "deletedAt" IS NULL AND NOT "isDisabled";
CREATE VIEW public.shared_participations AS
  SELECT id, "campaignId", "organizationLearnerId", "sharedAt", "masteryRate" FROM public."campaign-participations"
  WHERE status = 'SHARED'::public."participationStatus";
CREATE VIEW public."learners-by-organization" AS
  SELECT o.id, o.name, count(DISTINCT l.id) AS learners, count(s.id) AS shared
  FROM public.organizations o
    LEFT JOIN public."active-learners" l ON l."organizationId" = o.id
    LEFT JOIN public.shared_participations s ON s."organizationLearnerId" = l.id
  GROUP BY o.id, o.name;
COMMENT ON VIEW public."learners-by-organization" IS 'A view over two views';

CREATE MATERIALIZED VIEW public."answers-by-day" AS
  SELECT ("createdAt" AT TIME ZONE 'UTC')::date AS day, result, count(*) AS answers FROM public.answers GROUP BY 1, 2;
CREATE UNIQUE INDEX "answers-by-day_unique" ON public."answers-by-day" (day, result);

CREATE TRIGGER users_updated BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.touch_updated_at();
CREATE TRIGGER "organization-learners_updated" BEFORE UPDATE ON public."organization-learners"
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION public.touch_updated_at();
