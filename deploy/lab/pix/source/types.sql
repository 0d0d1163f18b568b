-- Types of the production database of a learning platform, and the functions that its tables need.

CREATE TYPE public."organization-type" AS ENUM ('SCO', 'SUP', 'PRO', 'SCO-1D');
CREATE TYPE public.campaign_type AS ENUM ('ASSESSMENT', 'PROFILES_COLLECTION', 'EXAM');
CREATE TYPE public."participationStatus" AS ENUM ('STARTED', 'TO_SHARE', 'SHARED');
COMMENT ON TYPE public."participationStatus" IS 'How far a learner is in a campaign; it''s "SHARED" at the end';

CREATE DOMAIN public."email-address" AS varchar(255) CHECK (VALUE ~ '^[^@\s]+@[^@\s]+$');
CREATE DOMAIN public.percentage AS numeric(5, 2) DEFAULT 0 CHECK (VALUE >= 0 AND VALUE <= 100);

CREATE SEQUENCE public."verification-numbers" START WITH 100000 INCREMENT BY 7 CACHE 1;

CREATE FUNCTION public."fullNameOf"("firstName" text, "lastName" text) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  AS $$ SELECT coalesce($1, '') || ' ' || upper(coalesce($2, '')) $$;

CREATE FUNCTION public.touch_updated_at() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  -- A quote ' and a dollar sign $ in a comment; the dump must carry both.
  NEW."updatedAt" := greatest(OLD."updatedAt", NEW."updatedAt") + interval '1 second';
  RETURN NEW;
END;
$body$;
